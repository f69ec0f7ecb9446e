"""What holds for every test, whoever started them."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither a slow example nor slow examples as such. What
# decides on a change tries the same examples each time; everybody else, new ones.
settings.register_profile(
    "keepgate",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("keepgate")


def pytest_configure() -> None:
    """Hear Ctrl-C and a lost terminal, as from a terminal.

    Whatever is started in the background of a script ignores both, and so would
    all that the tests start (POSIX, 2.11 Signals and Error Handling).
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
