"""One warm process from which each host's worker is forked.

It has patched gevent and imported pyinfra once (a second of CPU and some 60 MB); a
fork of it costs milliseconds and shares its memory. The parent asks over a socket
(see `keepgate.engine.wire`): `{"job": …}` with a descriptor forks a worker that
writes its events there and answers `{"pid": …}`; `{"wait": pid}` answers
`{"status": …}`, 0 or more for an exit, a signal's negative number for a killed
worker; `{"log": true}` with a descriptor, which has no answer, says where to write
what goes wrong. When the parent goes, the socket closes: the zygote ends, and its
workers are told to.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
from typing import Any, Final, NoReturn

from keepgate.engine import wire
from keepgate.engine.job import Job

_PR_SET_PDEATHSIG: Final = 1  # prctl(2), Linux


def main(descriptor: int) -> None:
    """Serve the parent until it closes the socket."""
    # Made, and the functions taken, before gevent replaces them: a zygote that
    # waited by gevent would have a hub, and its children would share it.
    control = socket.socket(fileno=descriptor)
    fork, waitpid = os.fork, os.waitpid
    _warm_up()
    wire.send(control, {"ready": os.getpid()})
    workers: set[int] = set()
    try:
        while True:
            message, events = wire.receive(control)
            if "log" in message:
                _write_to(events)
                continue
            if "wait" in message:
                _, status = waitpid(message["wait"], 0)
                workers.discard(message["wait"])
                code = os.waitstatus_to_exitcode(status)
                wire.send(control, {"status": code})
                continue
            zygote = os.getpid()
            pid = fork()
            if pid == 0:
                control.close()
                _be_worker(message["job"], events, zygote)
            workers.add(pid)
            if events is not None:
                os.close(events)
            wire.send(control, {"pid": pid})
    except wire.ClosedError:
        for pid in workers:
            os.kill(pid, signal.SIGTERM)


def _warm_up() -> None:
    """Import everything, after the socket was made and in this order."""
    monkey = importlib.import_module("gevent.monkey")
    monkey.patch_all(subprocess=False)
    importlib.import_module("keepgate.engine.worker")
    # What is there now is shared by all workers: their collectors shall not touch it.
    gc.collect()
    gc.freeze()


def _write_to(log: int | None) -> None:
    if log is not None:
        for stream in (1, 2):
            os.dup2(log, stream)
        os.close(log)


def _be_worker(job: dict[str, Any], events: int | None, zygote: int) -> NoReturn:
    status = 1
    try:
        _end_with(zygote)
        if events is not None:
            worker = importlib.import_module("keepgate.engine.worker")
            status = worker.work(Job.from_dict(job), events)
    finally:
        # Nothing of the zygote's is to be cleaned up here.
        os._exit(status)


def _end_with(zygote: int) -> None:
    """Have the kernel tell this process to end when the zygote dies (Linux).

    Elsewhere the worker learns it when it next tells something.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != zygote:
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]))
