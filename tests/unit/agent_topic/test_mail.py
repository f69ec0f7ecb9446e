"""The agent's mail: a way to one server, and a password that is in no plan."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from auth_agent.config.check import load

from deploys.agent import config, places, wanted
from deploys.agent.password import Kept
from deploys.agent.plan import plan
from deploys.common import carry
from deploys.common.errors import KeepgateError

if TYPE_CHECKING:
    from pathlib import Path

    from deploys.common.changes import Plan
    from deploys.settings import Settings
    from tests.unit.agent_topic.conftest import MakeHost, MakeSettings

PASSWORD = "correct horse battery staple"  # noqa: S105 - a test's
SERVER = {"host": "mail.kg.test", "port": 465, "sender": "auth@kg.test"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a password."""
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text(f"{PASSWORD}\n")
    return path


@pytest.fixture
def settings(make_settings: MakeSettings, file: Path) -> Settings:
    """Settings with a mail server that asks for a password."""
    mail = {**SERVER, "user": "auth", "password_file": str(file)}
    return make_settings({}, mail=mail)


def _kept(password: str, **changed: Any) -> Kept:
    """Return what a host tells that has *password*."""
    salt = bytes(16)
    made = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    told = {"mode": "600 root:root", "salt": salt, "digest": made, **changed}
    return Kept(**told)


def _steps(found: Plan) -> list[str]:
    return [action.summary for action in (*found.before, *found.after)]


def test_the_agent_accepts_what_is_written(settings: Settings, tmp_path: Path) -> None:
    """Its password is a file on the host, its way a socket."""
    path = tmp_path / "auth-agent.toml"
    path.write_bytes(config.text(settings))
    mail = load(path).mail

    assert mail is not None
    assert ("mail.kg.test", 465, "auth@kg.test") == (mail.host, mail.port, mail.sender)
    assert (places.MAIL, "auth") == (mail.socket, mail.user)
    assert places.PASSWORD == mail.password_file


def test_the_agent_stays_without_a_network(
    settings: Settings, make_settings: MakeSettings
) -> None:
    """A proxy of its own leads to the one server; without mail there is none."""
    files = wanted.files(settings, "one")
    bare = wanted.files(make_settings({}), "one")

    assert "PrivateNetwork=yes" in str(files[places.UNIT_FILE])
    assert "mail.kg.test:465" in str(files[places.MAIL_UNITS[1]])
    assert {None} == {bare[path] for path in places.MAIL_UNITS}
    assert places.CREDENTIAL not in str(bare[places.UNIT_FILE])


def test_the_password_is_in_no_plan(settings: Settings, make_host: MakeHost) -> None:
    """It is read when the plan is carried out, and goes by standard input alone."""
    found = plan(settings, make_host(settings))
    texts = [text for one in found.before for text in (one.summary, one.do)]

    assert f"put {places.PASSWORD}, for root alone" in _steps(found)
    assert PASSWORD not in f"{found} {texts} {settings} {settings.model_dump_json()}"
    assert not any(change.path == places.PASSWORD for change in found.files)
    assert "KEEPGATE" in carry.job(found).text


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ({"password": PASSWORD}, []),
        ({"password": "another"}, ["put", "start"]),
        ({"password": PASSWORD, "mode": "644 root:root"}, ["put", "start"]),
        ({"password": PASSWORD, "is_old": True}, ["start"]),
    ],
)
def test_another_password_starts_the_agent_anew(
    settings: Settings, make_host: MakeHost, kept: dict[str, Any], told: list[str]
) -> None:
    """Judged by what the process was handed, not by the file alone."""
    found = plan(settings, make_host(settings, password=_kept(**kept)))

    assert told == [
        step.split()[0] for step in _steps(found) if not step.startswith("keep")
    ]


def test_a_password_that_nobody_needs_is_removed(
    make_settings: MakeSettings, make_host: MakeHost
) -> None:
    """With the mail server that it was for."""
    settings = make_settings({})
    found = plan(settings, make_host(settings, password=_kept(PASSWORD)))

    assert f"remove {places.PASSWORD}" in _steps(found)


def test_a_shut_way_to_the_server_is_seen(
    settings: Settings, make_host: MakeHost
) -> None:
    """The socket may have been stopped by hand."""
    host = make_host(settings, password=_kept(PASSWORD), mail=False)

    assert "its way to the mail server is shut" in str(plan(settings, host))


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (PASSWORD, 0o640, "can be read by others"),
        ("", 0o600, "holds no password"),
        ("one\ntwo\n", 0o600, "holds no password"),
        ("x" * 2000, 0o600, "holds no password"),
        (None, 0o600, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    settings: Settings,
    make_host: MakeHost,
    file: Path,
    text: str | None,
    mode: int,
    told: str,
) -> None:
    """Before anything is changed, and without what is in it."""
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
        file.chmod(mode)

    with pytest.raises(KeepgateError, match=told) as caught:
        plan(settings, make_host(settings))
    assert PASSWORD not in str(caught.value)
