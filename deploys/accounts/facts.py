"""Every account of a host and how it can log in, asked in one command."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from deploys.accounts.database import Account, accounts, members
from deploys.accounts.places import (
    BRIDGE,
    DROPIN,
    KEYS_DIRECTORY,
    SUDOERS,
    key_file,
)
from deploys.common import files
from deploys.common.batch import BatchFact
from deploys.ssh import host
from deploys.ssh.effective import Effective

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploys.common.batch import Output

# Password hashes stay on the host: only their kind is told.
_SHADOW: Final = """\
while IFS=: read -r name hash changed _ longest _ idle expires _; do
  case "$hash" in
    '') kind=empty;; '!'*) kind=locked;; '*'*) kind=none;; *) kind=set;;
  esac
  printf '%s:%s:%s:%s:%s:%s\\n' "$name" "$kind" "$changed" "$longest" "$idle" "$expires"
done < /etc/shadow
"""

# Key files are read as their owner would, so that a link to a file of root's in
# somebody's home shows nothing; and not for long, so that a pipe there stops nothing.
# Tokens: sshd_config(5), AuthorizedKeysFile.
_LOGINS: Final = f"""\
{host.PATH}
{host.EFFECTIVE}
expand() {{
  rest="$1" path=
  while :; do
    case "$rest" in *%*) ;; *) break;; esac
    path="$path${{rest%%%*}}" rest="${{rest#*%}}"
    case "$rest" in
      h*) path="$path$home";; u*) path="$path$name";;
      U*) path="$path$uid";; %*) path="$path%";;
    esac
    rest="${{rest#?}}"
  done
  path="$path$rest"
  case "$path" in /*) ;; *) path="$home/$path";; esac
}}
getent passwd | while IFS=: read -r name _ uid gid _ home shell; do
  case "${{shell##*/}}" in nologin|false|sync|halt|shutdown) continue;; esac
  said="$(effective "user=$name,{host.CONNECTION}" </dev/null)" || said=
  printf 'login %s %s\\n' "$name" "$(printf '%s' "$said" | base64 -w0)"
  set -f
  for pattern in $(printf '%s\\n' "$said" | sed -n 's/^authorizedkeysfile //p'); do
    expand "$pattern"
    content="$(timeout -k 1 5 setpriv --reuid="$uid" --regid="$gid" --init-groups \\
      head -c 262144 -- "$path" </dev/null 2>/dev/null | base64 -w0)"
    [ -z "$content" ] || printf 'keys %s %s\\n' "$name" "$content"
  done
  set +f
done
"""


@dataclass(frozen=True)
class Login:
    """How sshd treats an account today: its configuration and its key files."""

    effective: Effective
    keys: str


@dataclass(frozen=True)
class AccountsHost:
    """The accounts of one host as observed.

    *logins* holds every account whose shell admits a session. *members* maps
    group to its members, those included whose main group it is. *today* counts
    days since 1970, as shadow(5) does. *effective* is sshd's configuration for
    the operator, who need not exist. *homes* names the accounts asked for whose
    usual home folder exists.
    """

    accounts: dict[str, Account]
    members: dict[str, tuple[str, ...]]
    today: int
    logins: dict[str, Login]
    effective: Effective
    homes: frozenset[str]
    files: dict[str, files.Observed]


class AccountsFact(BatchFact[AccountsHost]):
    """Observes all accounts, and the managed files of *operator* and *others*."""

    _operator: str
    _others: tuple[str, ...]

    @override
    def command(self, operator: str = "root", others: tuple[str, ...] = ()) -> str:
        self._operator = operator
        self._others = others
        return super().command()

    @override
    def sections(self) -> Mapping[str, str]:
        names = (self._operator, *self._others)
        spec = shlex.quote(f"user={self._operator},{host.CONNECTION}")
        return {
            "passwd": "getent passwd",
            "shadow": _SHADOW,
            "group": "getent group",
            "seconds": "date +%s",
            "logins": _LOGINS,
            "effective": f"{host.PATH}\n{host.EFFECTIVE}effective {spec}",
            **{f"home:{name}": f"test -e {shlex.quote(_home(name))}" for name in names},
            **files.sections(
                (
                    KEYS_DIRECTORY,
                    *(key_file(name) for name in names),
                    SUDOERS,
                    BRIDGE,
                    DROPIN,
                )
            ),
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> AccountsHost:
        everybody = accounts(answers["passwd"].lines, answers["shadow"].lines)
        return AccountsHost(
            accounts=everybody,
            members=members(answers["group"].lines, everybody),
            today=int(answers["seconds"].text) // 86400,
            logins=_logins(answers["logins"].lines),
            effective=Effective.parse(answers["effective"].text),
            homes=frozenset(
                name.removeprefix("home:")
                for name, output in answers.items()
                if name.startswith("home:") and output.ok
            ),
            files=files.observed(answers),
        )


def _home(name: str) -> str:
    return f"/home/{name}"


def _logins(lines: list[str]) -> dict[str, Login]:
    logins: dict[str, Login] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        try:
            text = base64.b64decode(encoded).decode("utf-8", "backslashreplace")
        except ValueError as error:
            message = f"the host described a login as {line[:80]!r}"
            raise FactProcessError(message) from error
        if kind == "login":
            logins[name] = Login(Effective.parse(text), "")
        else:
            known = logins[name]
            logins[name] = Login(known.effective, f"{known.keys}{text}\n")
    return logins
