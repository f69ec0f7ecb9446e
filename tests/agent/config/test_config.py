"""A configuration is taken whole or refused with every reason and its mending."""

from __future__ import annotations

import contextlib
import os
from importlib import resources
from pathlib import Path

import msgspec
import pytest
from auth_agent.config.check import load, problems_of
from auth_agent.config.model import Config
from auth_agent.config.parse import parse
from auth_agent.config.problems import ConfigProblems
from auth_agent.config.secrets import SecretFileError, read_secret
from hypothesis import given, settings
from hypothesis import strategies as st

LOGIN = '[login]\nhost = "auth.example.com"\n'


def _example() -> str:
    return resources.files("auth_agent").joinpath("config/example.toml").read_text()


def _keys(model: type[msgspec.Struct]) -> int:
    total = 0
    for field in msgspec.structs.fields(model):
        inner = [
            part
            for part in (field.type, *getattr(field.type, "__args__", ()))
            if isinstance(part, type) and issubclass(part, msgspec.Struct)
        ]
        total += _keys(inner[0]) if inner else 1
    return total


def test_the_example_is_fine() -> None:
    """What the program ships can be used."""
    assert [] == list(problems_of(parse(_example())))


def test_the_examples_defaults_are_the_defaults() -> None:
    """Taking the comment signs away changes nothing."""
    lines = [
        line[2:] if line.startswith("# ") and " = " in line else line
        for line in _example().splitlines()
        if "rules = " not in line and "public = " not in line and "auditor" not in line
    ]
    text = "\n".join(lines).partition("# [mail]")[0]
    given_text = LOGIN + '[[sites]]\nhost = "app.example.com"\n'

    assert parse(given_text) == parse(text)


def test_the_example_names_every_key() -> None:
    """No key is only in the code; there are at most 60."""
    example = _example()
    missing = [
        field.name
        for section in msgspec.structs.fields(Config)
        for field in _fields(section.type)
        if f"{field.name} = " not in example
    ]

    assert [] == missing
    assert _keys(Config) <= 60


def _fields(kind: object) -> tuple[msgspec.structs.FieldInfo, ...]:
    for part in (kind, *getattr(kind, "__args__", ())):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return msgspec.structs.fields(part)
    return ()


def test_all_errors_are_told_at_once() -> None:
    """Each with its key; a misspelt key with the nearest one."""
    text = '[login]\nhots = "x"\nidle = "long"\n[servr]\n[[sites]]\nhost = 1\n'

    with pytest.raises(ConfigProblems) as caught:
        parse(text)

    keys = [problem.key for problem in caught.value.problems]
    assert ["servr", "login.hots", "login.host", "login.idle", "sites[0].host"] == keys
    assert "did you mean host?" in caught.value.message


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[login]\nhost = "Auth.example.com"', "login.host"),
        ('[login]\nhost = "192.0.2.1"', "login.host"),
        ('[login]\nhost = "a b"', "login.host"),
        ('[login]\nhost = "localhost"', "login.host"),
        (LOGIN + "idle = 50000\nabsolute = 4000", "login.idle"),
        (LOGIN + 'path = "/pages"', "login.path"),
        (LOGIN + '[[sites]]\nhost = "auth.example.com"', "login.path"),
        (LOGIN + '[server]\nlisten = "0.0.0.0:80"', "server.listen"),
        (LOGIN + '[server]\nlisten = "127.0.0.1:0"', "server.listen"),
        (LOGIN + '[server]\nlisten = "127.0.0.1:65536"', "server.listen"),
        (LOGIN + '[server]\nstate = "here"', "server.state"),
        (LOGIN + "[server]\ninsecure_loopback = true", "server.insecure_loopback"),
        (
            LOGIN + '[server]\nlisten = "/a"\ncontrol = "/a"',
            "server.control",
        ),
        (LOGIN + '[[sites]]\nhost = "a.b"\npreset = "x"', "sites[0].preset"),
        (LOGIN + '[[sites]]\nhost = "a.b"\npreset = "none"', "sites[0].preset"),
        (
            LOGIN + '[[sites]]\nhost = "a.b"\n[[sites]]\nhost = "a.b"',
            "sites[1].host",
        ),
        (LOGIN + '[[sites]]\nhost = "a.b"\npublic = ["/a/../b"]', "sites[0].public"),
        (
            LOGIN + '[[sites]]\nhost = "a.b"\n[sites.rules]\nodd = [["*", "/"]]',
            "sites[0].rules",
        ),
        (
            LOGIN + '[[sites]]\nhost = "a.b"\n[sites.rules]\n"app.veiw" = [["*", "/"]]',
            "sites[0].rules",
        ),
        (LOGIN + '[roles]\nadmin = ["app.view"]', "roles.admin"),
        (LOGIN + '[roles]\nx = ["app.veiw"]', "roles.x"),
        (LOGIN + '[second_factor]\nrequired_for = ["x"]', "second_factor.required_for"),
        (LOGIN + "[second_factor]\nrequired_for = []", "second_factor.required_for"),
        (
            LOGIN + '[mail]\nhost = "m.example"\nsender = "a@b.example"\nuser = "u"',
            "mail.password_file",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_its_key(text: str, key: str) -> None:
    """Well-formed is not enough."""
    assert key in [problem.key for problem in problems_of(parse(text))]


def test_a_role_of_ones_own_has_what_it_names() -> None:
    """Further roles stand beside the built-in ones."""
    text = LOGIN + '[roles]\nauditor = ["audit.view", "users.view"]'

    assert [] == list(problems_of(parse(text)))


@settings(max_examples=150)
@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused(text: str) -> None:
    """Nothing else than a ConfigProblems comes out of a bad file."""
    with contextlib.suppress(ConfigProblems):
        list(problems_of(parse(LOGIN + text)))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(ConfigProblems, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("data", ["ab" * 32, "ab" * 32 + "\n"])
def test_a_secret_is_read_from_a_private_file(tmp_path: Path, data: str) -> None:
    """64 hexadecimal digits, 0600."""
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text(data)

    assert b"\xab" * 32 == read_secret(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The fix is a command."""
    path = tmp_path / "secret"
    path.write_text("ab" * 32)
    path.chmod(mode)

    with pytest.raises(SecretFileError) as caught:
        read_secret(path)
    assert f"run `chmod 0600 {path}`" == caught.value.fix


@pytest.mark.parametrize("data", ["", "short", "zz" * 32, "ab" * 40])
def test_a_secret_of_another_length_is_refused(tmp_path: Path, data: str) -> None:
    """No key is made of what is no secret."""
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text(data)

    with pytest.raises(SecretFileError):
        read_secret(path)


def test_a_link_is_no_secret_file(tmp_path: Path) -> None:
    """Who can plant a link must not choose the secret."""
    real = tmp_path / "real"
    real.touch(mode=0o600)
    real.write_text("ab" * 32)
    (tmp_path / "secret").symlink_to(real)

    with pytest.raises(SecretFileError):
        read_secret(tmp_path / "secret")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Whoever owns the folder must not hold up root's command."""
    os.mkfifo(tmp_path / "secret", 0o600)

    with pytest.raises(SecretFileError, match="is no file"):
        read_secret(tmp_path / "secret")


def test_systemds_credentials_need_no_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What systemd hands over stands in a folder that it guards."""
    path = tmp_path / "secret"
    path.write_text("ab" * 32)
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert b"\xab" * 32 == read_secret(path)


def test_systemds_credential_stands_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent need not be able to read the file itself, which is root's."""
    handed = tmp_path / "credentials"
    handed.mkdir()
    (handed / "secret").write_text("ab" * 32)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))

    assert b"\xab" * 32 == read_secret(tmp_path / "etc" / "secret")
