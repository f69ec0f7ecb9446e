"""SSH servers as freshly installed Debian releases have them, captured from sshd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploys.accounts.places import BRIDGE, DROPIN, DROPPED, FALLBACK
from deploys.common.changes import FileState, Plan
from deploys.settings import Settings
from deploys.ssh.algorithms import Suite
from deploys.ssh.config import MAIN
from deploys.ssh.effective import Effective
from deploys.ssh.facts import SshHost, Units
from deploys.ssh.wanted import ISSUE

DATA = Path(__file__).parent / "data"
RELEASES = {"trixie": "debian 13", "bookworm": "debian 12"}
CLOUD_INIT = "/etc/ssh/sshd_config.d/50-cloud-init.conf"

MakeSettings = Callable[..., Settings]
MakeHost = Callable[..., SshHost]
Apply = Callable[[SshHost, Plan], SshHost]


def _read(release: str, what: str) -> str:
    return (DATA / f"{release}-{what}.txt").read_text(encoding="utf-8")


def _host(release: str = "trixie", **texts: str) -> SshHost:
    """Return a stock host; *texts* are further drop-ins, by their name's stem."""
    files = {
        MAIN: _read(release, "sshd_config"),
        CLOUD_INIT: "PasswordAuthentication yes\n",
    }
    for stem, text in texts.items():
        files[f"/etc/ssh/sshd_config.d/{stem.replace('_', '-')}.conf"] = text
    return SshHost(
        release=RELEASES[release],
        known=Suite(
            *(tuple(_read(release, kind).split()) for kind in ("kex", "cipher", "mac"))
        ),
        texts=files,
        effective=Effective.parse(_read(release, "stock")),
        complaint="",
        groups={"keeper": ("keeper", "ssh-users")},
        units=Units(service=True, socket=False, command="/usr/sbin/sshd -D OPTIONS "),
        has_host_key=True,
        stale=False,
        files={
            DROPIN: None,
            BRIDGE: None,
            FALLBACK: None,
            ISSUE: FileState(b"Debian\n"),
            DROPPED: None,
        },
    )


@pytest.fixture
def host() -> MakeHost:
    """Make a stock host of a release, with further drop-ins."""
    return _host


@pytest.fixture(params=sorted(RELEASES))
def stock(request: pytest.FixtureRequest) -> SshHost:
    """A stock host of each release."""
    return _host(request.param)


@pytest.fixture
def settings() -> MakeSettings:
    """Make settings from what an inventory says about SSH and accounts."""
    raw = Ed25519PrivateKey.generate().public_key()
    line = raw.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def make(*, operator: dict[str, Any] | None = None, **sections: Any) -> Settings:
        known = {"name": "keeper", "keys": (line,), **(operator or {})}
        return Settings.model_validate({"operator": known, **sections})

    return make


@pytest.fixture
def applied() -> Apply:
    """Return the host as it is after a plan was carried out."""

    def apply(host: SshHost, plan: Plan) -> SshHost:
        files, texts = dict(host.files), dict(host.texts)
        for change in plan.files:
            files[change.path] = change.after
            if not change.path.startswith("/etc/ssh/"):
                continue
            texts.pop(change.path, None)
            if isinstance(change.after, FileState):
                texts[change.path] = change.after.content.decode()
        said = {
            line.partition(" ")[0]: (line.partition(" ")[2],)
            for line in _expected(plan)
        }
        effective = Effective({**host.effective.values, **said})
        return replace(host, files=files, texts=texts, effective=effective)

    return apply


def _expected(plan: Plan) -> list[str]:
    assert plan.commit is not None
    _, _, rest = plan.commit.validate.partition("<<'EXPECTED'\n")
    return rest.partition("\nEXPECTED")[0].splitlines()
