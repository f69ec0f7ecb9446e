"""From settings and an observed SSH server to what has to change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deploys.accounts.places import BRIDGE, DROPIN, DROPPED, FALLBACK, KEYS_PATTERN
from deploys.accounts.policy import admitted, dropped
from deploys.common import files
from deploys.common.changes import Action, Commit, FileState, Plan, Refusal
from deploys.common.templates import render
from deploys.ssh import algorithms, config, foreign, host
from deploys.ssh.settings import Authorities
from deploys.ssh.validation import validation
from deploys.ssh.wanted import (
    FORWARDING,
    HOST_KEY,
    ISSUE,
    Group,
    expected,
    expected_for_forwarding,
    wanted,
)

if TYPE_CHECKING:
    from deploys.settings import Settings
    from deploys.ssh.algorithms import Suite
    from deploys.ssh.facts import SshHost

# `-o KEYWORD=VALUE` or `-f FILE` on sshd's command line.
_OPTION: Final = re.compile(r"(?:^|\s)-(?P<kind>[of])\s*[\"']?(?P<word>\w+|/\S+)")

_USUAL: Final = (".ssh/authorized_keys", ".ssh/authorized_keys2")  # sshd_config(5)


def plan(settings: Settings, seen: SshHost, client: Suite | None = None) -> Plan:
    """Return what makes the SSH server as *settings* want it.

    *client* is what the controller's SSH client offers; by default it is asked.
    """
    early = _impossible(seen)
    if early:
        return Plan("ssh", refusals=early)
    suite, refusals = algorithms.choose(
        settings.ssh, seen.release, seen.known, client or algorithms.client()
    )
    groups = wanted(settings, suite, seen.effective, seen.release)
    text = _dropin(settings, groups)
    fallback = render("ssh/keys.conf.j2", patterns=(KEYS_PATTERN, *_USUAL))
    after = {
        **{path: old for path, old in seen.texts.items() if path != BRIDGE},
        DROPIN: text.decode(),
        FALLBACK: fallback.decode(),
    }
    try:
        directives = config.directives(after)
    except config.UnreadableConfig as error:
        return Plan("ssh", refusals=(*refusals, _broken(str(error))))
    values = {
        keyword.name.lower(): keyword.value
        for group in groups
        for keyword in group.keywords
    }
    accounts = {name: seen.groups.get(name, ()) for name in admitted(settings)}
    refusals += foreign.judge(directives, values, accounts)
    refusals += _authorities(settings, seen)
    refusals += _command_line(seen.units.command, values)
    changes = files.changes(
        {
            ISSUE: FileState(render("ssh/issue.net.j2", banner=settings.ssh.banner)),
            DROPIN: FileState(text),
            FALLBACK: FileState(fallback),
            BRIDGE: None,
            DROPPED: _dropped(settings, seen),
        },
        seen.files,
    )
    rights = any(change.path == DROPPED for change in changes)
    lines = expected(groups)
    if not changes and not seen.stale and not refusals:
        refusals += _ineffective(seen.effective.lacks(lines))
    reload = Action("make sshd read its configuration", host.RELOAD, host.REVERT)
    return Plan(
        "ssh",
        files=changes,
        after=(reload,) if seen.stale and not changes else (),
        refusals=refusals,
        notes=_notes(settings, seen),
        commit=Commit(
            validate=("visudo -c >/dev/null\n" if rights else "")
            + validation(
                settings.operator.name,
                directives,
                lines,
                {
                    name: expected_for_forwarding(groups)
                    for name in settings.ssh.forwarding_users
                },
            ),
            activate=host.RELOAD,
            revert=host.REVERT,
            refused=("root",),
            password_refused=True,
            by_operator=rights,
        ),
    )


def _dropin(settings: Settings, groups: tuple[Group, ...]) -> bytes:
    return render(
        "ssh/sshd_config.conf.j2",
        groups=groups,
        forwarding_users=settings.ssh.forwarding_users,
        forwarding=FORWARDING,
    )


def _dropped(settings: Settings, seen: SshHost) -> FileState | None:
    names = [name for name in dropped(settings) if name not in seen.roots]
    if not names:
        return None
    return FileState(render("accounts/dropped.j2", names=names), mode=0o440)


def _impossible(seen: SshHost) -> tuple[Refusal, ...]:
    """Return what stops any judgement of the host's SSH server."""
    if seen.complaint or not seen.effective.values:
        return (_broken(seen.complaint or "sshd is not installed"),)
    refusals: list[Refusal] = []
    if not (seen.units.service or seen.units.socket):
        refusals.append(
            Refusal(
                "ssh-unknown-listener",
                "neither ssh.service nor ssh.socket is active: something else serves "
                "SSH here",
                "let systemd's ssh.service serve it: `systemctl enable --now ssh`",
            )
        )
    if not seen.has_host_key:
        refusals.append(
            Refusal(
                "ssh-no-ed25519-host-key",
                f"the host has no key {HOST_KEY}, the only kind that is offered later",
                "make the missing one with `ssh-keygen -A` (it leaves others alone), "
                "`systemctl reload ssh`, then pin it with `keepgate trust`",
            )
        )
    return tuple(refusals)


def _command_line(command: str, values: dict[str, str]) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(
            "ssh-command-line",
            f"sshd is called with `{option[0].strip()}`, which wins over every file",
            "take it out of SSHD_OPTS in /etc/default/ssh or of the drop-in of "
            "ssh.service (`systemctl cat ssh.service`), and restart ssh",
        )
        for option in _OPTION.finditer(command)
        if option["kind"] == "f" or option["word"].lower() in values
    )


def _broken(complaint: str) -> Refusal:
    return Refusal(
        "ssh-broken-configuration",
        f"sshd does not accept its present configuration: {complaint[:500]}",
        "mend it until `sshd -t` is silent",
    )


def _authorities(settings: Settings, seen: SshHost) -> tuple[Refusal, ...]:
    if settings.ssh.authorities is not Authorities.REFUSE:
        return ()
    return tuple(
        Refusal(
            "ssh-foreign-authority",
            f"sshd admits keys by `{keyword} {value}` besides key files",
            "set ssh.authorities to `keep` (they go on for members of ssh-users) or "
            "`drop`",
        )
        for keyword in ("trustedusercakeys", "authorizedkeyscommand")
        if (value := seen.effective.get(keyword, "none")) != "none"
    )


def _ineffective(missing: tuple[str, ...]) -> tuple[Refusal, ...]:
    if not missing:
        return ()
    return (
        Refusal(
            "ssh-not-effective",
            f"the drop-in is in place, yet sshd does not say `{missing[0]}`"
            + (f" and {len(missing) - 1} more" if missing[1:] else ""),
            "look for what overrides it: `sshd -T -C user=OPERATOR,host=h,addr=a`",
        ),
    )


def _notes(settings: Settings, seen: SshHost) -> tuple[str, ...]:
    notes: list[str] = []
    if seen.units.socket:
        notes.append("systemd listens for SSH (ssh.socket); port and addresses stay")
    strangers = [
        name for name in settings.ssh.forwarding_users if name not in admitted(settings)
    ]
    if strangers:
        names = ", ".join(strangers)
        notes.append(f"ssh.forwarding_users names {names}, who cannot log in")
    return tuple(notes)
