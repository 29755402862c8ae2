"""Measure the operator under load, on a control plane of the bench's own with simulated nodes.

make bench                                    everything; prints a table
make bench OPTIONS='burst --rounds 5'         chosen scenarios
make bench OPTIONS='--record'                 keeps the figures, and writes docs/performance.md
make bench OPTIONS='page'                     writes docs/performance.md anew from the kept figures
make bench OPTIONS='claims'                       sessions that take desktops of a pool, 20 and 75 a second and at once
make bench OPTIONS='line --waiting 10000'         what a departure from a long line costs the operator's one thread
make bench OPTIONS='hostile'                      a tenant who fills the cluster with large objects
make bench OPTIONS='transfer'                     a large file up, down and in an archive of a desktop's agent
make bench OPTIONS='portal-transfer'              1 GB through the portal, in and out, and its memory
make bench OPTIONS='portal-live'                  how soon open pages of the portal show a change, and what they cost
make bench OPTIONS='frame --cluster demo'         seconds to the picture of a real Blender, on a running cluster
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from bench import frame, hostile, line, page, portal_live, portal_transfer, transfer
from bench.run import MORE, SCENARIOS, Options, run


def main() -> None:
    """Do what the command line asks for."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["frame"]:
        frame.main(arguments[1:])
    elif arguments[:1] == ["line"]:
        line.main(arguments[1:])
    elif arguments[:1] == ["hostile"]:
        hostile.main(arguments[1:])
    elif arguments[:1] == ["transfer"]:
        transfer.main(arguments[1:])
    elif arguments[:1] == ["portal-transfer"]:
        portal_transfer.main(arguments[1:])
    elif arguments[:1] == ["portal-live"]:
        portal_live.main(arguments[1:])
    elif arguments[:1] == ["page"]:
        page.write()
    else:
        _measure(arguments)


def _measure(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(SCENARIOS)}: the default; {', '.join(MORE)}"
    )
    parser.add_argument("--rounds", type=int, default=3, help="bursts of 300, and registrations")
    parser.add_argument("--live", type=int, default=1000, help="sessions of the large burst, steady state and restart")
    parser.add_argument("--steady-seconds", type=float, default=120.0, help="how long the steady state is watched")
    parser.add_argument("--output", type=Path, help="a file that gets the figures as JSON")
    parser.add_argument("--record", action="store_true", help="keep the figures, and write docs/performance.md")
    parser.add_argument("--keep", type=Path, help="a folder for the logs; default: one that is removed")
    given = parser.parse_args(arguments)
    unknown = set(given.scenarios) - {*SCENARIOS, *MORE}
    if unknown:
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join((*SCENARIOS, *MORE))}")
    if given.record and given.scenarios:
        parser.error("--record keeps the figures of all scenarios: name none")
    options = Options(tuple(given.scenarios or SCENARIOS), given.rounds, given.live, given.steady_seconds)
    with tempfile.TemporaryDirectory(prefix="blender-sessions-bench-") as temporary:
        folder = given.keep.resolve() if given.keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        results = asyncio.run(run(folder, options))
    text = json.dumps(results, indent=2) + "\n"
    if given.output:
        given.output.write_text(text)
    if given.record:
        page.keep(results)
    print(page.table(results))


if __name__ == "__main__":
    main()
