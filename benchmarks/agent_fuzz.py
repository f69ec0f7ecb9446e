"""`python -m benchmarks.agent_fuzz`: a million made-up requests for `/verify`.

No 2xx without a verified identity, and no 5xx.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.agent.faults.fuzzing import made

SHOWN = 10


def main() -> int:
    """Send, judge, print; 1 if anything was wrong."""
    parser = argparse.ArgumentParser("benchmarks.agent_fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    say = sys.stdout.write
    with tempfile.TemporaryDirectory() as name:
        fuzzer = made(Path(name), args.seed)
        began = time.process_time()
        fuzzer.run(args.count)
        seconds = time.process_time() - began
        fuzzer.close()
    say(f"{args.count:,} requests, {seconds:.0f} s of CPU (seed {args.seed})\n")
    for status, number in sorted(fuzzer.statuses.items()):
        say(f"  {status}: {number:,}\n")
    say(f"wrong: {len(fuzzer.wrong)}\n")
    for text in fuzzer.wrong[:SHOWN]:
        say(f"  {text}\n")
    return int(bool(fuzzer.wrong))


if __name__ == "__main__":
    sys.exit(main())
