"""Other people's lines in sshd's configuration that would undo Keepgate's.

Keepgate's drop-in wins over what stands after it. Three things it cannot win
over: a line before it, a `Match` block that applies, and lines that sshd unites
instead of choosing one (AllowUsers, AllowGroups and their opposites).
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Final

from deploys.accounts.places import DROPIN, GROUP
from deploys.common.changes import Refusal
from deploys.ssh.config import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from deploys.ssh.config import Directive

_ALIASES: Final = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "keepalive": "tcpkeepalive",
}
_HARMLESS_IN_MATCH: Final = frozenset(
    {
        "banner",
        "clientalivecountmax",
        "clientaliveinterval",
        "printlastlog",
    }
)
_ADMISSION: Final = frozenset({"allowusers", "allowgroups", "denyusers", "denygroups"})
# Every HostKey line adds a key; HostKeyAlgorithms decides which are offered.
_ADDITIVE: Final = frozenset({"hostkey"})


def judge(
    directives: Iterable[Directive],
    wanted: Mapping[str, str],
    groups: Mapping[str, tuple[str, ...]],
) -> tuple[Refusal, ...]:
    """Return why *directives* would not have the effect of *wanted*.

    *directives* is the configuration as it will be, with Keepgate's drop-in in it.
    *wanted* maps keyword in lower case to value. *groups* maps every account that
    is to get in to its groups.
    """
    refusals: list[Refusal] = []
    reached = False
    for directive in directives:
        if directive.file == DROPIN:
            if not reached and _around(directive):
                refusals.append(_conditional(directive))
            reached = True
        elif directive.keyword in _ADMISSION:
            refusals.extend(_admission(directive, groups))
        else:
            refusals.extend(_override(directive, wanted, reached=reached))
    if not reached:
        refusals.append(_not_included())
    return tuple(refusals)


def _around(directive: Directive) -> str:
    # The drop-in's first line stands outside its own Match block.
    return directive.matches[-1] if directive.matches else ""


def _override(
    directive: Directive, wanted: Mapping[str, str], *, reached: bool
) -> Iterator[Refusal]:
    keyword = _ALIASES.get(directive.keyword, directive.keyword)
    value = wanted.get(keyword)
    if value is None or keyword in _ADDITIVE:
        return
    if directive.value.lower() == value.lower():
        return
    line = f"{directive.keyword} {directive.value}"
    if directive.matches:
        if keyword in _HARMLESS_IN_MATCH:
            return
        advice = "remove the line, or the whole Match block"
        if "forwarding" in keyword or keyword in ("permittunnel", "gatewayports"):
            advice += "; accounts that need tunnels belong in ssh.forwarding_users"
        yield Refusal(
            "ssh-foreign-match",
            f"{directive.place}: `{line}` under `Match {directive.matches[-1]}` "
            f"overrides Keepgate's `{keyword} {value}`",
            advice,
        )
    elif not reached:
        yield Refusal(
            "ssh-foreign-first",
            f"{directive.place}: `{line}` stands before Keepgate's drop-in and wins "
            f"over its `{keyword} {value}`",
            f"remove the line, or move it below `Include` in {MAIN}",
        )


def _admission(
    directive: Directive, groups: Mapping[str, tuple[str, ...]]
) -> Iterator[Refusal]:
    line = f"{directive.keyword} {directive.value}"
    match directive.keyword:
        case "allowgroups":
            if set(directive.arguments) - {GROUP}:
                yield Refusal(
                    "ssh-foreign-allow",
                    f"{directive.place}: `{line}` is united with Keepgate's and admits "
                    f"more than the group {GROUP}",
                    "remove the line and name the accounts in accounts.adopt, "
                    "accounts.users or accounts.drop",
                )
        case "allowusers":
            shut = [name for name in groups if not _admits(directive.arguments, name)]
            if shut:
                yield Refusal(
                    "ssh-foreign-allow",
                    f"{directive.place}: `{line}` would shut out {', '.join(shut)}",
                    f"remove the line; membership of {GROUP} decides who gets in",
                )
        case "denyusers":
            shut = [name for name in groups if _names(directive.arguments, name)]
            yield from _denied(directive, line, shut)
        case _:
            shut = [
                name
                for name, member_of in groups.items()
                if any(
                    _names(directive.arguments, group) for group in (*member_of, GROUP)
                )
            ]
            yield from _denied(directive, line, shut)


def _denied(directive: Directive, line: str, shut: list[str]) -> Iterator[Refusal]:
    if shut:
        yield Refusal(
            "ssh-foreign-deny",
            f"{directive.place}: `{line}` would shut out {', '.join(shut)}",
            "remove the line, or take the account out of it",
        )


def _admits(patterns: tuple[str, ...], name: str) -> bool:
    """Whether AllowUsers *patterns* admit *name* from everywhere."""
    if any(pattern.startswith("!") for pattern in patterns):
        return False  # depends on the order of patterns: not worth a guess
    return any(
        "@" not in pattern and fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
    )


def _names(patterns: tuple[str, ...], name: str) -> bool:
    """Whether Deny *patterns* can mean *name*, from wherever it comes."""
    return any(
        fnmatch.fnmatchcase(name, pattern.partition("@")[0]) for pattern in patterns
    )


def _conditional(directive: Directive) -> Refusal:
    return Refusal(
        "ssh-include-in-match",
        f"{MAIN} includes its drop-ins under `Match {directive.matches[-1]}`, where "
        "they do not always apply",
        f"move the line `Include /etc/ssh/sshd_config.d/*.conf` to the top of {MAIN}",
    )


def _not_included() -> Refusal:
    return Refusal(
        "ssh-no-include",
        f"{MAIN} does not include {DROPIN}",
        f"put `Include /etc/ssh/sshd_config.d/*.conf` at the top of {MAIN}; look first "
        "at what lies in that folder, it comes into effect too",
    )
