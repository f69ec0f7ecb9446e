"""Git itself is asked what it would leave out of a commit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# Neither the user's nor the machine's own excludes may answer in our place.
ALONE = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "core.excludesFile",
    "GIT_CONFIG_VALUE_0": os.devnull,
    "GIT_CONFIG_KEY_1": "safe.directory",
    "GIT_CONFIG_VALUE_1": "*",
}

LEFT_OUT = [
    ".env",
    "auth_agent/.env",
    ".env.production",
    ".env.local",
    "secrets.toml",
    "auth_agent/secrets.toml",
    ".dlt/secrets.toml",
    "secrets/token",
    "secrets/notes.md",
    "inventories/secrets/operator.pub",
    "server.key",
    "inventories/web.key",
    "age.key",
    "tls/fullchain.pem",
    "ssl.p12",
    "putty.ppk",
    "id_ed25519",
    "id_rsa",
    "inventories/id_ed25519_sk",
    "id_ecdsa-cert",
    "ssh_host_ed25519_key",
    "key.txt",
    "keys.txt",
    "age-key.txt",
    "age-yubikey-identity-1234.txt",
    "identity.txt",
    "operator.agekey",
    "nightly.tar.age",
    "auth.db",
    "auth.db-wal",
    "auth.db-shm",
    "auth.db.1",
    "data/sessions.db3",
    "agent.sqlite3",
    ".vagrant/machines/default/libvirt/private_key",
    ".keepgate/known_hosts",
    ".keepgate/lab/id_ed25519",
    ".keepgate/lab/id_ed25519.pub",
    ".keepgate/state/demo/demo/login.json",
    "state/web-1/login.json",
    "logs/run.json",
    "run.log",
    "run.log.1",
    "backups/2026.tar",
    "backup/2026.tar",
    "inventories/production.yml.bak",
    "terraform.tfstate",
    "pyinfra-debug.log",
    ".venv/bin/python",
    "keepgate/__pycache__/x.pyc",
]

KEPT = [
    ".env.example",
    "auth_agent/.env.example",
    ".gitignore",
    ".ci/run",
    "uv.lock",
    "pyproject.toml",
    "Makefile",
    "Vagrantfile",
    "README.md",
    "LICENSE",
    "docs/settings.md",
    "docs/inventory.schema.json",
    "inventories/demo.yml",
    "inventories/demo.py",
    "inventories/production.example.yml",
    "inventories/production.yml",
    "inventories/operator.pub",
    "id_ed25519.pub",
    "inventories/keys/id_ed25519_sk.pub",
    "deploys/logging/deploy.py",
    "deploys/logging/settings.py",
    "deploys/backup/deploy.py",
    "deploys/accounts/keys.py",
    "deploys/common/key.py",
    "keepgate/engine/state.py",
    "keepgate/state/store.py",
    "templates/logging/journald.conf.j2",
    "templates/backup/age-identity.j2",
    "templates/backup/auth.db.j2",
    "templates/backup/key.txt.j2",
    "templates/ssh/00-keepgate.conf.j2",
    "auth_agent/src/auth_agent/storage/id_tokens.py",
    "auth_agent/src/auth_agent/storage/migrations/0001_first.sql",
    "docs/backup/restore.md",
    "docs/logs.md",
    "tests/unit/repository/test_gitignore.py",
    "tests/lab/test_accounts_keys.py",
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty repository that has nothing but our .gitignore."""
    path = tmp_path_factory.mktemp("clone")
    subprocess.run(
        ["git", "init", "--quiet", "--template=", str(path)], check=True, env=ALONE
    )
    shutil.copy(ROOT / ".gitignore", path)
    return path


def is_left_out(clone: Path, name: str) -> bool:
    """Return what `git check-ignore` says (0: ignored, 1: not)."""
    done = subprocess.run(
        ["git", "-C", str(clone), "check-ignore", "--quiet", "--no-index", name],
        check=False,
        env=ALONE,
    )
    assert done.returncode in {0, 1}, f"git check-ignore ended with {done.returncode}"
    return done.returncode == 0


@pytest.mark.parametrize("name", LEFT_OUT)
def test_left_out(clone: Path, name: str) -> None:
    """Credentials, state, logs and backups never get into a commit by accident."""
    assert is_left_out(clone, name)


@pytest.mark.parametrize("name", KEPT)
def test_kept(clone: Path, name: str) -> None:
    """Sources, public keys and examples are not swallowed by those patterns."""
    assert not is_left_out(clone, name)


def test_add_everything_adds_no_credential(clone: Path) -> None:
    """`git add --all` in a folder full of credentials stages what is kept only."""
    for name in [*LEFT_OUT, *KEPT]:
        path = clone / name
        if name != ".gitignore":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")

    git = ["git", "-C", str(clone)]
    subprocess.run([*git, "add", "--all"], check=True, env=ALONE)
    staged = subprocess.run(
        [*git, "ls-files"], check=True, env=ALONE, capture_output=True, text=True
    ).stdout

    assert sorted(KEPT) == sorted(staged.splitlines())


def test_no_tracked_file_is_ignored() -> None:
    """No file of this repository is tracked against its own .gitignore."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")

    listed = subprocess.run(
        [
            "git",
            "-C",
            str(ROOT),
            "ls-files",
            "-ci",
            "--exclude-per-directory=.gitignore",
        ],
        check=True,
        env=ALONE,
        capture_output=True,
        text=True,
    ).stdout

    assert "" == listed
