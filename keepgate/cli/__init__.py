"""The command line: one file per command, and what they share."""

from __future__ import annotations


def main() -> int:
    """Run `keepgate`; whenever Ctrl-C comes, there is a word and no traceback."""
    try:
        from keepgate.cli.start import main as run  # noqa: PLC0415 - takes its time

        return run()
    except KeyboardInterrupt:
        import sys  # noqa: PLC0415 - as above

        sys.stderr.write("keepgate: interrupted\n")
        return 130
