"""The state folder is private, and there when it is asked for."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploys.common.errors import KeepgateError
from keepgate.inventory import home
from keepgate.inventory.home import PROJECT


def test_it_is_made_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else may look into it, whatever the umask."""
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path / "deep" / "state"))

    assert tmp_path / "deep" / "state" == home()
    assert stat.S_IMODE(home().stat().st_mode) == 0o700


def test_it_is_closed_if_it_was_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder that others could read is closed."""
    tmp_path.chmod(0o755)
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path))

    assert stat.S_IMODE(home().stat().st_mode) == 0o700


def test_a_folder_with_other_things_is_not_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Naming /tmp by mistake does not take it from everybody else."""
    (tmp_path / "somebody's").touch()
    tmp_path.chmod(0o1777)
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path))

    with pytest.raises(KeepgateError, match="open to others") as refused:
        home()

    assert f"chmod 700 {tmp_path}" in refused.value.fix
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


@pytest.mark.parametrize(("root", "mode"), [(False, 0o700), (True, 0o777)])
def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: bool, mode: int
) -> None:
    """Who may write there could tell us which host keys to trust."""
    tmp_path.chmod(mode)
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path))
    owner = tmp_path.stat().st_uid
    seen = SimpleNamespace(st_uid=owner + 1, st_mode=stat.S_IFDIR | mode)
    monkeypatch.setattr(Path, "stat", lambda _, **__: seen)
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else owner + 2)

    with pytest.raises(KeepgateError, match="somebody else"):
        home()


def test_root_takes_the_folder_of_whoever_called_sudo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone of one's own serves its owner and, by sudo, root."""
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path))
    seen = SimpleNamespace(st_uid=1000, st_mode=stat.S_IFDIR | 0o700)
    monkeypatch.setattr(Path, "stat", lambda _, **__: seen)
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert tmp_path == home()


def test_it_is_in_the_project_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, state stays in the clone."""
    monkeypatch.delenv("KEEPGATE_HOME", raising=False)

    assert PROJECT / ".keepgate" == home()


def test_a_file_in_its_place_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be a folder is refused with the variable's name."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path / "file"))

    with pytest.raises(KeepgateError, match="KEEPGATE_HOME"):
        home()
