"""testssl.sh's word on the sites: it holds, and a server that is weak is found."""

from __future__ import annotations

import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hostchecks import testssl

from tests.lab.caddy.authority import free_port
from tests.lab.caddy.faults import THOROUGH
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.caddy.hosts import Served

pytestmark = pytest.mark.lab


def _found(served: Served) -> dict[str, Any]:
    done = served.run("verify", "--thorough", topics=("caddy",))
    (found,) = [one for one in done.only["after"]["findings"] if one["id"] == "WEB-19"]
    return dict(found)


@pytest.mark.xdist_group("caddy-bookworm")
def test_it_has_nothing_to_object(bookworm: Served) -> None:
    """To the oldest Caddy that is served with; it was asked, and told of all."""
    found = _found(bookworm)

    assert "passed" == found["outcome"], found
    assert found["seconds"] > 1


@pytest.mark.xdist_group("caddy-bookworm")
def test_it_objects_to_old_suites(bookworm: Served) -> None:
    """To what the server would be asked to speak by somebody's later change."""
    bookworm.start_stub("agent")
    try:
        bookworm.sh(THOROUGH["WEB-19"])
        found = _found(bookworm)
    finally:
        bookworm.apply()

    assert "failed" == found["outcome"], found
    assert "LUCKY13" in found["reason"], found


@contextmanager
def _weak(folder: Path) -> Iterator[int]:
    """Serve TLS 1.0 with suites of its time on loopback; the port."""
    port = free_port("127.0.0.1")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-batch")
    named = ("-subj", "/CN=weak.kg.test", "-keyout", str(key), "-out", str(certificate))
    subprocess.run([*make, *named], check=True, capture_output=True)
    serve = ("openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet")
    weak = ("-tls1", "-cipher", "ALL:@SECLEVEL=0")
    own = ("-key", str(key), "-cert", str(certificate))
    with subprocess.Popen(
        [*serve, *weak, *own], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            eventually(lambda: _answers(port), "the weak server answers")
            yield port
        finally:
            server.kill()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.xdist_group("caddy-thorough")
def test_a_weak_server_is_found(tmp_path: Path) -> None:
    """An old version, by its name, and what is known against it."""
    command = testssl.program()
    assert command is not None
    with _weak(tmp_path) as port:
        found = testssl.judge(command, "127.0.0.1", ["weak.kg.test"], port)

    (verdict,) = found.values()
    named = {issue.partition(":")[0] for issue in verdict.issues}
    assert {"TLS1", "LUCKY13"} <= named, verdict


@pytest.mark.xdist_group("caddy-thorough")
def test_where_nobody_answers_nothing_is_approved() -> None:
    """A scan that came to nothing is a trouble."""
    command = testssl.program()
    assert command is not None
    port = free_port("127.0.0.1")
    found = testssl.judge(command, "127.0.0.1", ["gone.kg.test"], port)

    assert found["gone.kg.test"].text
