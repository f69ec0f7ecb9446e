"""The chain: any tampering shows, crashes are closed, cuts are said."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from auth_agent.audit import chain, keys, retention, segments
from auth_agent.audit.chain import BrokenChainError, Follower, Place
from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.audit.log import AuditLog, Checkpoint
from auth_agent.audit.record import Actor, Origin, Record
from auth_agent.audit.verify import Pin, verify
from auth_agent.clock import ManualClock, to_micros
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

KEYS = keys.derive(b"k" * 32)
DAY = 86_400


def record(name: str = "ada") -> Record:
    """Return a record that names *name*."""
    return Record(Event.USER_UPDATE, Outcome.SUCCESS, Actor(ActorKind.CLI, name=name))


def open_log(
    folder: Path,
    *,
    clock: ManualClock | None = None,
    segment_bytes: int = 1 << 26,
    said: list[Checkpoint] | None = None,
) -> AuditLog:
    """Return an opened log."""
    log = AuditLog(
        folder,
        keys=KEYS,
        clock=clock or ManualClock(),
        announce=(said if said is not None else []).append,
        segment_bytes=segment_bytes,
    )
    log.open()
    return log


def filled(folder: Path, count: int = 10) -> None:
    """Make a log of *count* records and a checkpoint."""
    log = open_log(folder)
    for number in range(count):
        log.record(record(f"u{number}"))
    log.close()


def lines(folder: Path) -> list[bytes]:
    """Return the first segment's lines."""
    return segments.segment_path(folder, 1).read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("change", ["flip", "drop", "swap", "cut", "insert", "first"])
def test_any_tampering_is_found(tmp_path: Path, change: str) -> None:
    """A flipped byte, a dropped, swapped, inserted or cut-off line does not verify."""
    filled(tmp_path)
    pinned = verify(tmp_path, KEYS)
    found = lines(tmp_path)
    if change == "flip":
        found[4] = found[4].replace(b'"u4"', b'"u5"')
    elif change == "drop":
        del found[4]
    elif change == "swap":
        found[4], found[5] = found[5], found[4]
    elif change == "insert":
        found.insert(4, b"something between\n")
    elif change == "first":
        del found[:3]
    else:
        del found[-2:]
    segments.segment_path(tmp_path, 1).write_bytes(b"".join(found))

    assert pinned.holds
    assert not verify(tmp_path, KEYS, Pin(1, pinned.end.seq, pinned.end.hash)).holds


def test_every_single_flipped_byte_is_found(tmp_path: Path) -> None:
    """There is no byte of the log that can be another one unnoticed."""
    filled(tmp_path, 2)
    path = segments.segment_path(tmp_path, 1)
    whole = path.read_bytes()

    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert not verify(tmp_path, KEYS).holds, at


def test_another_key_does_not_verify(tmp_path: Path) -> None:
    """A log forged without the key is no log."""
    filled(tmp_path)

    assert not verify(tmp_path, keys.derive(b"x" * 32)).holds


def test_checkpoints_are_signed_and_announced(tmp_path: Path) -> None:
    """A thousand records, or five minutes, give one that the public key verifies."""
    said: list[Checkpoint] = []
    clock = ManualClock()
    log = open_log(tmp_path, clock=clock, said=said)
    for number in range(1_000):
        log.record(record(f"u{number}"))
    assert 1 == len(said)
    log.record(record())
    clock.advance(300)
    log.checkpoint_if_due()
    log.checkpoint_if_due()
    log.close()

    assert 2 == len(said)
    text = f"keepgate-audit:1:{said[0].seq}:{said[0].hash}".encode()
    assert KEYS.verifies(text, said[0].signature)
    assert not KEYS.verifies(text + b"0", said[0].signature)
    assert 2 == verify(tmp_path, KEYS).checkpoints


@pytest.mark.parametrize("left", [1, 20, 200])
def test_a_torn_line_is_closed_and_recorded(tmp_path: Path, left: int) -> None:
    """What a crash cut off stays, is named by a repair record, and verifies."""
    filled(tmp_path)
    torn = lines(tmp_path)[2][:left]
    path = segments.segment_path(tmp_path, 1)
    with path.open("ab") as file:
        file.write(torn)

    log = open_log(tmp_path)
    log.record(record("after"))
    log.close()

    verdict = verify(tmp_path, KEYS)
    repair = json.loads(lines(tmp_path)[12])
    assert () == verdict.faults
    assert 1 == verdict.torn
    assert torn + b"\n" in path.read_bytes()
    assert "torn_line" == repair["reason"]
    assert hashlib.sha256(torn).hexdigest() == repair["details"]["sha256"]


def test_a_repair_that_is_torn_itself_is_repaired(tmp_path: Path) -> None:
    """Crash upon crash: the log opens by itself and names all that was cut off."""
    filled(tmp_path)
    path = segments.segment_path(tmp_path, 1)
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'{"v":1,"seq":12,"prev":"ab')
    open_log(tmp_path).close()
    repaired = path.read_bytes()
    for cut in (len(whole) + 27, len(whole) + 28, len(whole) + 200):
        path.write_bytes(repaired[:cut])
        log = open_log(tmp_path)
        log.record(record("after"))
        log.close()
        assert () == verify(tmp_path, KEYS).faults, cut


def test_a_forged_last_line_is_not_taken_for_torn(tmp_path: Path) -> None:
    """A complete record with a wrong mac stops the start."""
    filled(tmp_path)
    path = segments.segment_path(tmp_path, 1)
    found = lines(tmp_path)
    found[-1] = found[-1].replace(b'"outcome":"success"', b'"outcome":"failure"')
    path.write_bytes(b"".join(found))

    with pytest.raises(BrokenChainError):
        open_log(tmp_path)


def test_a_missing_last_newline_is_added(tmp_path: Path) -> None:
    """A record that is whole but for its newline counts; the next one follows."""
    filled(tmp_path)
    path = segments.segment_path(tmp_path, 1)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    log = open_log(tmp_path)
    log.record(record("after"))
    log.close()

    verdict = verify(tmp_path, KEYS)
    assert () == verdict.faults
    assert 0 == verdict.torn


def test_rotation_goes_on_with_the_chain(tmp_path: Path) -> None:
    """Many small segments make one chain, each ending in a checkpoint."""
    log = open_log(tmp_path, segment_bytes=2000)
    for _ in range(40):
        log.record(record())
    log.close()

    found = segments.segments(tmp_path)
    assert len(found) > 5
    assert verify(tmp_path, KEYS).holds
    for segment in found:
        assert b"system.audit_checkpoint" in segments.tail(segment.path, 1)[0]


def test_a_missing_segment_is_found(tmp_path: Path) -> None:
    """A segment that somebody took away leaves a gap."""
    log = open_log(tmp_path, segment_bytes=2000)
    for _ in range(40):
        log.record(record())
    log.close()
    segments.segment_path(tmp_path, 3).unlink()

    assert not verify(tmp_path, KEYS).holds


def test_retention_cuts_at_a_checkpoint_and_says_so(tmp_path: Path) -> None:
    """Old segments go, the cut is recorded first, and the rest still verifies."""
    clock = ManualClock()
    log = open_log(tmp_path, clock=clock)
    for month in range(14):
        log.record(record(f"month{month}"))
        clock.advance(31 * DAY)
        retention.keep(log, now=to_micros(clock.now()), days=90)
    log.close()

    found = segments.segments(tmp_path)
    text = b"".join(segment.path.read_bytes() for segment in found)
    assert found[0].number > 1
    assert b"month0" not in text
    assert b"month13" in text
    assert b"system.audit_retention_cut" in text
    assert () == verify(tmp_path, KEYS).faults


def test_what_the_file_system_keeps_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither it nor what is younger goes, and no cut is recorded that was not made."""
    clock = ManualClock()
    log = open_log(tmp_path, clock=clock)
    monkeypatch.setattr(segments, "is_append_only", lambda path: "2.j" in path.name)
    removed = []
    for month in range(14):
        log.record(record(f"month{month}"))
        clock.advance(31 * DAY)
        removed.append(retention.keep(log, now=to_micros(clock.now()), days=90))
    log.close()

    assert 1 == sum(removed)
    assert 2 == segments.segments(tmp_path)[0].number
    assert () == verify(tmp_path, KEYS).faults


def test_records_younger_than_the_limit_stay(tmp_path: Path) -> None:
    """Nothing is removed before its time."""
    clock = ManualClock()
    log = open_log(tmp_path, clock=clock)
    for _ in range(3):
        log.record(record())
        clock.advance(31 * DAY)
        assert 0 == retention.keep(log, now=to_micros(clock.now()), days=400)
    log.close()


def test_a_cut_that_nobody_recorded_is_found(tmp_path: Path) -> None:
    """Removing the first segments by hand shows."""
    log = open_log(tmp_path, segment_bytes=2000)
    for _ in range(40):
        log.record(record())
    log.close()
    for segment in segments.segments(tmp_path)[:2]:
        segment.path.unlink()

    assert "begins late" in verify(tmp_path, KEYS).faults[0].reason


def test_what_was_typed_cannot_forge_a_line(tmp_path: Path) -> None:
    """Newlines, quotes and controls in a field stay inside their string."""
    nasty = 'x"},"event":"system.audit_checkpoint"}\n{"v":1,"seq":9}\x1b[0m\u2028'
    log = open_log(tmp_path)
    log.record(
        Record(
            Event.LOGIN_FAILURE,
            Outcome.FAILURE,
            Actor(ActorKind.USER, name=nasty),
            Origin(user_agent=nasty),
            reason=nasty,
            details={"d": nasty},
        )
    )
    log.close()

    verdict = verify(tmp_path, KEYS)
    assert () == verdict.faults
    assert (1, 2) == (verdict.checkpoints, verdict.records)
    assert nasty == json.loads(lines(tmp_path)[0])["user_agent"]


def test_the_log_is_its_owners_alone(tmp_path: Path) -> None:
    """Segments are created 0600."""
    filled(tmp_path)

    assert 0o600 == segments.segment_path(tmp_path, 1).stat().st_mode & 0o777


def whole_chain(count: int) -> list[bytes]:
    """Return lines that follow each other."""
    place, found = Place(), []
    for number in range(count):
        text = chain.body(record(f"u{number}"), identity=f"id{number}", micros=number)
        line, place = chain.link(chain.Pending("", 0, text), place, KEYS.mac_key)
        found.append(line)
    return found


CHAIN = whole_chain(3)


def follows(line: bytes, after: Place) -> Place | None:
    """Return what `follow` says, None for a line that does not."""
    try:
        return chain.follow(line, after, KEYS.mac_key)
    except BrokenChainError:
        return None


@given(
    number=st.integers(0, 2),
    at=st.integers(0, 700),
    cut=st.integers(0, 3),
    put=st.binary(max_size=3),
)
def test_a_long_log_is_judged_like_a_line(
    number: int, at: int, cut: int, put: bytes
) -> None:
    """Whatever is done to a line, `Follower` takes it if and only if `follow` does."""
    line = CHAIN[number]
    line = line[:at] + put + line[at + cut :]
    after = Place()
    for good in CHAIN[:number]:
        after = chain.follow(good, after, KEYS.mac_key)
    follower = Follower(KEYS.mac_key)
    follower.place = after

    expected = follows(line, after)
    assert (expected is not None) == follower.take(line)
    assert (expected or after) == follower.place


@pytest.mark.parametrize("length", [0, 1, 32, 64, 65, 200])
def test_a_key_of_any_length_is_hmacs(length: int) -> None:
    """The key's blocks are those of RFC 2104, also for keys above a block."""
    key = b"k" * length
    text = chain.body(record(), identity="id", micros=0)
    line, place = chain.link(chain.Pending("", 0, text), Place(), key)
    follower = Follower(key)

    assert follower.take(line)
    assert place == follower.place
    assert not follower.take(line)
