"""`make bench`: measures the commands on throwaway hosts and prints the figures."""

from __future__ import annotations

import argparse
from typing import Final

from benchmarks.host_figures import Figures
from benchmarks.hosts import Hosts, memory, tidy
from deploys.common.errors import KeepgateError

PARTS: Final = ("one", "fleet", "demo")


def main() -> None:
    """Measure and print; what was taken is printed even if something fails."""
    parser = argparse.ArgumentParser("benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="repeats (default 5)")
    parser.add_argument("--fleet", type=int, default=20, help="hosts (default 20)")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="measure less"
    )
    args = parser.parse_args()
    figures = Figures()
    hosts = Hosts(figures, args.runs)
    one = fleet = None
    tidy()
    try:
        if "one" in args.only:
            one = hosts.one()
            tidy()
        if "fleet" in args.only:
            fleet = hosts.fleet(args.fleet)
            tidy()
        memory(figures, one, fleet)
        if "demo" in args.only:
            hosts.demo()
    except (RuntimeError, KeepgateError) as error:
        trouble = f"benchmarks: {error}"
        raise SystemExit(trouble) from None
    finally:
        tidy()
        figures.show()


if __name__ == "__main__":
    main()
