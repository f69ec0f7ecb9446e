"""Run Keepgate: `python -m keepgate`."""

from __future__ import annotations

import sys

from keepgate.cli import main

if __name__ == "__main__":
    sys.exit(main())
