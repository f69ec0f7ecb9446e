"""Fingerprints on the command line: `SHA256:…`, or `HOST=SHA256:…` for several."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Final

from keepgate.cli.exits import UsageError
from keepgate.inventory.problems import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def fingerprint(text: str) -> tuple[str, str]:
    """Return host (empty for the only one) and fingerprint that *text* names.

    Raises:
        argparse.ArgumentTypeError: it is none as `ssh-keygen -l` shows it.
    """
    host, _, printed = text.partition("=") if "=SHA256:" in text else ("", "", text)
    if not _PRINT.fullmatch(printed.removesuffix("=")):
        message = (
            f"{text!r} is no fingerprint; write it as `ssh-keygen -l` shows it,"
            " SHA256: and 43 characters"
        )
        raise argparse.ArgumentTypeError(message)
    return host, printed.removesuffix("=")


def by_host(
    given: Sequence[tuple[str, str]], names: Sequence[str]
) -> Mapping[str, frozenset[str]]:
    """Return the fingerprints that each of *names* may show; none if not told.

    Raises:
        UsageError: it is not clear which host one belongs to.
    """
    found: dict[str, set[str]] = {}
    for host, printed in given:
        if not host and len(names) > 1:
            message = f"{printed} could be that of {' or '.join(names)}"
            raise UsageError(message, f"write {names[0]}={printed}, or use --limit")
        name = host or names[0]
        if name not in names:
            message = f"there is no host {name} here"
            raise UsageError(message, suggestion(name, names))
        found.setdefault(name, set()).add(printed)
    return {name: frozenset(prints) for name, prints in found.items()}
