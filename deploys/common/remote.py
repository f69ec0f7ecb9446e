"""Running a POSIX sh text as root on a connected host, and knowing how it ended.

The text travels on standard input: it appears in no process list and knows no
length limit. It runs as a whole or not at all, whenever the connection breaks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from paramiko import SSHException
from pyinfra.api import StringCommand

from deploys.common.changes import Refusal
from deploys.common.errors import NoAnswer, Refused, Unreachable

if TYPE_CHECKING:
    from pyinfra.api.host import Host

PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where every text finds its programs; nothing is taken from the login."""

_ENDED: Final = "keepgate-ended"
# Ends with status 0 whatever happens: at any other one pyinfra looks for sudo's
# complaints in the output and asks for a password at the terminal.
# sudo drops SSH_CONNECTION, so it travels as an argument, as does the login's name.
_COMMAND: Final = (
    'LC_ALL=C; export LC_ALL; set -- "$SSH_CONNECTION" "$(id -un)"; '
    'if [ "$(id -u)" = 0 ]; then sh -s -- "$@"; '
    'else sudo -n -- sh -s -- "$@"; fi; '
    f"printf '\\n%s %s\\n' {_ENDED} \"$?\""
)
_WRONG_LOGIN: Final = re.compile(r'[Pp]lease log ?in as the user "?([\w.-]+)')
_SUDOERS: Final = (
    "let it: `echo '{login} ALL=(ALL:ALL) NOPASSWD:ALL' > /etc/sudoers.d/90-{login}`"
    " as root, checked with `visudo -c`"
)
_NO_ROOT: Final = (
    (
        r"a password is required|terminal is required|askpass",
        "sudo-password",
        "sudo asks {login} for a password",
        _SUDOERS,
    ),
    (
        r"not in the sudoers file|not allowed to|may not run sudo",
        "sudo-denied",
        "{login} may not use sudo",
        _SUDOERS,
    ),
    (
        r"sudo: (?:command )?not found|sudo: No such file",
        "sudo-missing",
        "{login} is not root, and sudo is not installed",
        "set `login: root` if root is admitted by key, or install sudo as root and "
        + _SUDOERS,
    ),
    (
        r"must have a tty|no tty present",
        "sudo-tty",
        "sudo demands a terminal of {login}",
        "take `requiretty` out of sudoers, or exempt {login}",
    ),
    (
        r"sudoers.*(?:syntax|parse) error|no valid sudoers|(?:syntax|parse) error",
        "sudo-broken",
        "sudo's rules do not parse",
        "mend what `visudo -c` complains of, as root",
    ),
)


@dataclass(frozen=True)
class Reply:
    """What a text wrote, by line, and the status it ended with."""

    status: int
    lines: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the text ended with status 0."""
        return self.status == 0


def whole(body: str) -> str:
    """Return a text that runs *body* (sh commands) only once it is there in full.

    In *body*, `$1` is the login's SSH_CONNECTION and `$2` its account name, and
    standard input is empty.
    """
    return f'PATH={PATH}; export PATH\nmain() {{\n{body}\n}}\nmain "$@" </dev/null\n'


def run(host: Host, text: str, *, seconds: int) -> Reply:
    """Run *text* as root on *host* and return what it said.

    Raises:
        Refused: the login cannot become root.
        NoAnswer: something else than a shell answered.
        Unreachable: the connection broke, or no answer came within *seconds*.
    """
    try:
        _, output = host.run_shell_command(
            StringCommand(_COMMAND), _stdin=text, _timeout=seconds
        )
    except TimeoutError as error:
        message = f"the host did not answer within {seconds} s"
        raise Unreachable(message, "look at its load, then run again") from error
    except (SSHException, OSError, EOFError) as error:
        message = f"the connection broke: {error or type(error).__name__}"
        raise Unreachable(message, "run again; the next run goes on") from error
    lines, errors = output.stdout_lines, tuple(output.stderr_lines)
    word, _, status = lines[-1].partition(" ") if lines else ("", "", "")
    if word != _ENDED:
        raise _no_shell(host, [*lines, *errors])
    body = tuple(lines[:-1])
    reply = Reply(int(status), body[:-1] if body and not body[-1] else body, errors)
    refusal = None if reply.ok else _no_root(host, reply)
    if refusal is not None:
        raise Refused([refusal])
    return reply


def _login(host: Host) -> str:
    return str(host.data.get("ssh_user") or "the login")


def _no_root(host: Host, reply: Reply) -> Refusal | None:
    said = "\n".join(reply.errors)
    login = _login(host)
    for pattern, code, message, fix in _NO_ROOT:
        if re.search(pattern, said):
            return Refusal(code, message.format(login=login), fix.format(login=login))
    return None


def _no_shell(host: Host, said: list[str]) -> NoAnswer | Unreachable:
    text = " ".join(" ".join(said).split())[:300]
    if not text:
        message = "the connection ended before the host answered"
        return Unreachable(message, "run again; the next run goes on")
    named = _WRONG_LOGIN.search(text)
    fix = f"set `login: {named[1]}`" if named else "log in by hand and look"
    return NoAnswer(f"{_login(host)} gets no shell but the text {text!r}", fix)
