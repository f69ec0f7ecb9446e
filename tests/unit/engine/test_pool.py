"""The pool and its forked workers, without a host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keepgate.cli.apply import batches
from keepgate.engine import events, launch
from keepgate.engine.job import Job
from keepgate.engine.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPGATE_HOME", str(tmp_path / "home"))


def target(name: str, folder: Path) -> str:
    """Return a host whose address is a name that never resolves (RFC 6761)."""
    return json.dumps(
        {
            "name": name,
            "address": f"{name}.invalid",
            "login": "debian",
            "known_hosts": str(folder / "known_hosts"),
            "state": str(folder),
            "settings": {"operator": {"name": "keeper", "keys": [KEY]}},
        }
    )


def status(told: Sequence[tuple[str, events.Event]]) -> str:
    """Return how a run on one host ended."""
    end = told[-1][1]
    assert isinstance(end, events.Ended)
    return end.status


def test_every_host_ends_with_a_word(tmp_path: Path) -> None:
    """Each worker tells its beginning first and its end last; errors are apart.

    One that is given nonsense fails alone; more hosts than turns are all served.
    """
    jobs = {name: Job("keys", target(name, tmp_path)) for name in ("a", "b", "c")}
    jobs["odd"] = Job("keys", "nonsense")
    told: dict[str, list[events.Event]] = {name: [] for name in jobs}

    with Pool() as pool:
        for name, event in pool.run(jobs, at_once=2):
            told[name].append(event)

    ends = {name: heard[-1] for name, heard in told.items()}
    assert all(isinstance(heard[0], events.Began) for heard in told.values())
    assert all(isinstance(end, events.Ended) for end in ends.values())
    words = {n: e.status for n, e in ends.items() if isinstance(e, events.Ended)}
    expected = dict.fromkeys(("a", "b", "c"), "unreachable")
    assert {**expected, "odd": "failed"} == words


def test_logs_are_for_the_owner_alone(tmp_path: Path) -> None:
    """What libraries print is kept where nobody else reads it."""
    with Pool() as pool:
        assert [] == list(pool.run({}))

    log = tmp_path / "home/log/engine.txt"
    assert 0o600 == log.stat().st_mode & 0o777
    assert 0o700 == log.parent.stat().st_mode & 0o777


def test_the_engine_started_ahead_is_used(tmp_path: Path) -> None:
    """A run takes it, and what it may complain of goes to the log all the same."""
    zygote = launch.ahead()
    assert zygote is not None

    with Pool() as pool:
        told = list(pool.run({"odd": Job("keys", "nonsense")}))
        stderr = Path(f"/proc/{zygote.process.pid}/fd/2")
        assert stderr.samefile(tmp_path / "home/log/engine.txt")

    assert "failed" == status(told)
    assert 0 == zygote.process.returncode


@pytest.mark.parametrize("taken", [False, True], ids=["before", "after"])
def test_an_engine_that_died_ahead_is_replaced(*, taken: bool) -> None:
    """A head start that came to nothing costs the run nothing but the time."""
    zygote = launch.ahead()
    assert zygote is not None
    if not taken:
        zygote.process.kill()
        zygote.process.wait()

    with Pool() as pool:
        zygote.process.kill()
        told = list(pool.run({"odd": Job("keys", "nonsense")}))

    assert "failed" == status(told)
    assert "unexpected ValidationError" in str(told[-1][1])


def test_only_one_run_takes_it() -> None:
    """Two runs never share a zygote."""
    zygote = launch.ahead()
    assert zygote is not None

    with Pool() as first, Pool() as second:
        ends = [
            status(list(p.run({"odd": Job("keys", "no")}))) for p in (first, second)
        ]

    assert ["failed", "failed"] == ends


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (1, 10, [1]),
        (5, 2, [1, 2, 2]),
        (4, 10, [1, 3]),
        (0, 3, [0]),
    ],
)
def test_batches(count: int, size: int, expected: list[int]) -> None:
    """The canary comes alone, then batches; no host is left out."""
    hosts = [str(number) for number in range(count)]

    made = list(batches(hosts, size))

    assert expected == [len(batch) for batch in made]
    assert hosts == [host for batch in made for host in batch]
