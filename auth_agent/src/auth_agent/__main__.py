"""`python -m auth_agent`."""

from __future__ import annotations

import sys

from auth_agent.cli import main

if __name__ == "__main__":
    sys.exit(main())
