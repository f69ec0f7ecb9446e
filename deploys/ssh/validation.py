"""The host's own judgement of the assembled configuration, before the switch.

Every `Match` block, whoever wrote it, is tried with a connection that meets its
criteria: sshd itself then says what would be in effect.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import TYPE_CHECKING, Final

from deploys.accounts.places import GROUP, key_file
from deploys.ssh import host

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from deploys.ssh.config import Directive

_DEFAULTS: Final = {
    "host": "localhost",
    "addr": "127.0.0.1",
    "laddr": "127.0.0.1",
    "lport": "22",
}
_CRITERIA: Final = {
    "user": "user",
    "host": "host",
    "address": "addr",
    "localaddress": "laddr",
    "localport": "lport",
    "rdomain": "rdomain",
}
_SAFE: Final = re.compile(r"[A-Za-z0-9_.:-]+")


def specimens(
    operator: str, directives: Iterable[Directive]
) -> tuple[dict[str, str], ...]:
    """Return a connection for every `Match` line that one can be made up for.

    The first is the operator's ordinary one. Groups cannot be made up: their
    blocks are judged by reading them (see `deploys.ssh.foreign`).
    """
    ordinary = {"user": operator, **_DEFAULTS}
    found = [ordinary]
    for directive in directives:
        if directive.keyword == "match":
            specimen = {**ordinary, **_specimen(directive.arguments)}
            if specimen not in found:
                found.append(specimen)
    return tuple(found)


def _specimen(arguments: tuple[str, ...]) -> dict[str, str]:
    words = iter(
        word for argument in arguments for word in argument.split("=", maxsplit=1)
    )
    specimen: dict[str, str] = {}
    for word in words:
        if word.lower() in ("all", "invalid-user"):
            continue
        key = _CRITERIA.get(word.lower())
        value = _example(next(words, ""))
        if key and value:
            specimen[key] = value
    return specimen


def _example(patterns: str) -> str:
    """Return something that the first positive one of *patterns* matches."""
    for pattern in patterns.split(","):
        if pattern.startswith("!"):
            continue
        example = pattern.replace("*", "1").replace("?", "1")
        if "/" in example:
            try:
                network = ipaddress.ip_network(example, strict=False)
            except ValueError:
                continue
            example = str(network[min(1, network.num_addresses - 1)])
        if _SAFE.fullmatch(example):
            return example
    return ""


def validation(
    operator: str,
    directives: tuple[Directive, ...],
    expected: tuple[str, ...],
    exceptions: Mapping[str, tuple[str, ...]],
) -> str:
    """Return the POSIX sh that judges the assembled configuration on the host.

    It fails with a sentence that names the connection and the line that would not
    be in effect. *exceptions* holds the lines expected for special accounts.
    """
    ordinary: list[str] = []
    special: list[str] = []
    for specimen in specimens(operator, directives):
        spec = shlex.quote(
            ",".join(f"{key}={value}" for key, value in specimen.items())
        )
        other = exceptions.get(specimen["user"])
        if other is None:
            ordinary.append(f"check {spec} ordinary")
        else:
            special += [_keep("special", other), f"check {spec} special"]
    return "\n".join(
        (
            host.PATH,
            "umask 077",
            "mkdir -p -m 0755 /run/sshd",
            "/usr/sbin/sshd -t",
            *_operator(operator),
            'work="$(mktemp -d /run/keepgate-sshd.XXXXXX)"',
            "trap 'rm -rf \"$work\"' EXIT",
            _CHECK,
            _keep("ordinary", expected),
            *ordinary,
            *special,
        )
    )


_CHECK: Final = """\
check() {
  /usr/sbin/sshd -T -C "$1" > "$work/said"
  sort "$work/said" > "$work/sorted"
  missing="$(comm -23 "$work/$2" "$work/sorted")"
  [ -n "$missing" ] || return 0
  printf 'for %s sshd would not say: %s\\n' "$1" "$missing" >&2
  exit 1
}"""


def _operator(operator: str) -> tuple[str, ...]:
    name, keys = shlex.quote(operator), shlex.quote(key_file(operator))
    return (
        f'case " $(id -Gn -- {name}) " in *" {GROUP} "*) ;; *)',
        f'  echo "{operator} is no member of {GROUP}" >&2; exit 1;; esac',
        f'test -s {keys} || {{ echo "{operator} has no key in "{keys} >&2; exit 1; }}',
    )


def _keep(name: str, lines: tuple[str, ...]) -> str:
    body = "\n".join(lines)
    return f"sort > \"$work/{name}\" <<'EXPECTED'\n{body}\nEXPECTED"
