"""`python -m benchmarks.agent_kills`: a hundred SIGKILLs in bursts of recorded changes.

The chain must verify afterwards and hold each acknowledged event once; the agent must
have started again by itself each time.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.agent.faults.kills import kill_again_and_again
from tests.agent.web.browser import Agent


def main() -> int:
    """Kill, look, print; 1 if anything was lost."""
    parser = argparse.ArgumentParser("benchmarks.agent_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    agent = Agent.start()
    began = time.monotonic()
    try:
        killed = kill_again_and_again(agent, args.kills, seed=args.seed)
    finally:
        agent.remove()
    say = sys.stdout.write
    say(f"{args.kills} kills in {time.monotonic() - began:.0f} s (seed {args.seed})\n")
    say(f"acknowledged changes: {len(killed.acknowledged):,}\n")
    say(f"lost or recorded twice: {len(killed.lost)}\n")
    say(f"made without a record: {len(killed.unrecorded)}\n")
    verdict = killed.verdict
    say(f"records: {verdict.records:,}, torn lines closed: {verdict.torn}\n")
    say(
        f"faults in the chain: {[fault.reason for fault in verdict.faults] or 'none'}\n"
    )
    return int(bool(killed.lost or killed.unrecorded or verdict.faults))


if __name__ == "__main__":
    sys.exit(main())
