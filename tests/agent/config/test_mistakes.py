"""Mistakes that people make with the file: each is told with its key and mending."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from auth_agent.config.check import load
from auth_agent.config.places import file_problems
from auth_agent.config.problems import ConfigProblems, Problem

LOGIN = '[login]\nhost = "auth.example.com"\n'
SITE = LOGIN + '[[sites]]\nhost = "a.b"\n'
RULES = SITE + "[sites.rules]\n"
MAIL = LOGIN + '[mail]\nhost = "m.example"\n'

MISTAKES = {
    "": r"login: it is missing; add \[login\]",
    "[login\nhost": "it is no TOML: .* line 1.*; mend that line",
    'login = "auth.example.com"': r"login: it is no table; write it as \[login\]",
    'host = "a.b"\n' + LOGIN: r"host: there is no such key; move it below \[login\]",
    "[login]\n": "login.host: it is missing; give text in quotes",
    '[login]\nhost = "https://a.b"': "login.host: .*; give a name like auth.example",
    '[login]\nhost = "a.b:8443"': 'login.host: .*plain form; write "a.b"',
    '[login]\nhost = "*.a.b"': "login.host: .*; give a name like",
    LOGIN + 'idle = "1h"': r"login.idle: .*number, 60 to 86400 \(3600 if left out\)",
    LOGIN + "idle = 12.5": "login.idle: .*whole number, 60 to 86400",
    LOGIN + "step_up = 9000": "login.step_up: .*30 to 900",
    LOGIN + 'title = ""': "login.title: .*1 to 60 characters",
    LOGIN + 'path = "auth"': 'login.path: .*write "/" or "/_auth"',
    LOGIN + 'sites = ["a.b"]': r"login.sites: .*section of its own: \[sites\]",
    LOGIN + '[server]\ninsecure_loopback = "no"': "true or false, without quotes",
    LOGIN + '[server]\nlog_level = "loud"': "choose one of debug, info, warning, error",
    LOGIN + '[server]\nlisten = ":8080"': "server.listen: .*or 127.0.0.1:PORT",
    LOGIN + "[server]\nlisten = 8080": "server.listen: .*text in quotes",
    LOGIN + '[server]\nsecret = "abc"': "server.secret: .*did you mean secret_file?",
    LOGIN
    + f'[server]\ncontrol = "/{"x" * 120}"': "server.control: .*at most 107 bytes",
    LOGIN
    + '[sites]\nhost = "a.b"': r"sites: it is no list; write entries as \[\[sites",
    SITE + 'preset = "dnago"': "sites.0..preset: .*did you mean dango?",
    SITE + 'public = "/open"': r"sites.0..public: .*give a list, \[",
    SITE + 'public = ["open"]': 'sites.0..public: .*with a slash: "/open"',
    SITE + 'public = ["/open/*"]': 'sites.0..public: .*write "/open"',
    SITE + 'public = ["/open/"]': 'sites.0..public: .*write "/open"',
    RULES + '"app.view" = "/x"': r'sites.0..rules: .*"permission" = \[\["GET POST"',
    RULES + 'app.view = [["GET", "/x"]]': 'sites.0..rules: .*write "permission"',
    RULES + '"app.view" = [["get", "/x"]]': 'rules."app.view": .*write "GET"',
    RULES + '"app.view" = [["", "/x"]]': r'rules."app.view": .*write "\*"',
    RULES + '"app.view" = [["GET", "x y"]]': 'rules."app.view": .*begin it with',
    RULES + '"app.view" = [["GET", "/a"], ["GET", "/a"]]': "rules: two rules .*; leave",
    LOGIN + '[roles]\naud = "audit.view"': r'roles: .*write name = \["permission"',
    LOGIN + '[roles]\naud = ["audit.veiw"]': "roles.aud: .*did you mean audit.view?",
    LOGIN + '[second_factor]\nrequired = ["admin"]': "did you mean required_for?",
    LOGIN + "[passwords]\nminimum = 8": "passwords.minimum: .*15 to 64",
    LOGIN + "[passwords]\nminimum_with_second_factor = 20": "at most passwords.minimum",
    LOGIN + "[passwords]\nmemory_kib = 1024": "passwords.memory_kib: .*19456 to",
    LOGIN
    + "[api_keys]\nmaximum_days = 30": "api_keys.default_days: .*at most api_keys",
    LOGIN + "[audit]\nkeep_days = 7": "audit.keep_days: .*30 to 3650",
    LOGIN + "[regulation]\nlockout_after = 0": "regulation.lockout_after: .*3 to 20",
    MAIL + 'sender = "nobody"': "mail.sender: .*like auth@example.com",
    MAIL + 'sender = "a@b.example"\npassword = "p"': "did you mean password_file?",
    MAIL + 'sender = "a@b.example"\nuser = "u"\npassword_file = "p"': "begins with /",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_its_mending(tmp_path: Path, text: str) -> None:
    """The key as it is written in the file, what is wrong, what to write instead."""
    path = tmp_path / "agent.toml"
    path.write_text(text)

    with pytest.raises(ConfigProblems, match=MISTAKES[text]) as caught:
        load(path)

    assert all(one.key and one.message and one.fix for one in caught.value.problems)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.mkdir(), "Is a directory; name the file with --config"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "it is no text in UTF-8"),
        (lambda _: None, "No such file or directory; name the file"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, spoil: object, said: str) -> None:
    """By name, with the way to name another."""
    path = tmp_path / "agent.toml"
    assert callable(spoil)
    spoil(path)

    with pytest.raises(ConfigProblems, match=f"agent.toml: .*{said}"):
        load(path)


class Place:
    """A folder with everything that a configuration names, as it should be."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("state", "audit", "run"):
            (root / name).mkdir(mode=0o700)
        for name in ("secret", "mail"):
            (root / name).touch(mode=0o600)
            (root / name).write_text("ab" * 32)
        text = (
            MAIL + f'sender = "a@b.example"\nuser = "u"\npassword_file = "{root}/mail"'
        )
        text += f'\n[server]\nsecret_file = "{root}/secret"\n'
        text += f'state = "{root}/state"\naudit = "{root}/audit"\n'
        for name in ("listen", "control", "metrics"):
            text += f'{name} = "{root}/run/{name}.sock"\n'
        (root / "agent.toml").write_text(text)

    def problems(self) -> list[Problem]:
        """Return what `check-config` finds in the files."""
        return list(file_problems(load(self.root / "agent.toml")))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a folder in which nothing is wrong."""
    return Place(tmp_path)


def test_what_is_right_is_not_complained_of(place: Place) -> None:
    """Also before the first start, and with a socket of the running agent."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place.root / "run/control.sock"))
        assert [] == place.problems()
    for name in ("state", "audit"):
        (place.root / name).rmdir()
    assert [] == place.problems()


@pytest.mark.parametrize(
    ("name", "mode", "key", "fix"),
    [
        ("secret", 0o640, "server.secret_file", "chmod 0600"),
        ("mail", 0o604, "mail.password_file", "chmod 0600"),
        ("state", 0o750, "server.state", "chmod 0700"),
        ("audit", 0o701, "server.audit", "chmod 0700"),
        ("run", 0o755, "server.control", "chmod o-rwx"),
        ("run", 0o751, "server.listen", "chmod o-rwx"),
    ],
)
def test_what_others_may_use_is_told(
    place: Place, name: str, mode: int, key: str, fix: str
) -> None:
    """Before the start, which would refuse it."""
    (place.root / name).chmod(mode)

    found = {one.key: one.fix for one in place.problems()}

    assert f"run `{fix} {place.root / name}`" == found[key]


@pytest.mark.parametrize(
    ("name", "key"), [("state", "state"), ("run/listen.sock", "listen")]
)
def test_what_stands_in_the_way_is_told(place: Place, name: str, key: str) -> None:
    """A file in the place of a folder, or of a socket."""
    path = place.root / name
    if path.exists():
        path.rmdir()
    path.touch(mode=0o600)

    assert [f"server.{key}"] == [one.key for one in place.problems()]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["secret", "mail"])
def test_a_strangers_secret_is_told(place: Place, name: str) -> None:
    """Whatever its mode, its owner reads it; the agent's own account may."""
    os.chown(place.root / name, 65_534, 0)

    [problem] = place.problems()
    os.chown(place.root / "state", 65_534, 0)

    assert f"run `chown root: {place.root / name}`" == problem.fix
    assert [] == place.problems()
