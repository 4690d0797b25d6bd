#!/usr/bin/env python3
"""Runs the black-box suites against the real server.

    Tests/run.py [--only faults|scenes|interop] [--rounds N] [--seed N] [--server roost|prosody|ejabberd]

The binary is ROOST_BIN, else .build/debug/roost, else .build/release/roost. One line per test; the last line counts
them; the exit status is 0 only when none failed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))

from support.report import Report  # noqa: E402
from support.servers import KINDS, ServerFailure, roost_binary  # noqa: E402


def use_environment() -> None:
    """Continues under the Python that has the pinned test packages, where there is one."""
    environment = TESTS.parent / ".build" / "venv"
    python = environment / "bin" / "python"
    if python.exists() and Path(sys.prefix).resolve() != environment.resolve():
        os.execv(str(python), [str(python), __file__, *sys.argv[1:]])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["faults", "scenes", "interop"],
                        help="one suite instead of both; scenes: the short part of faults")
    parser.add_argument("--rounds", type=int, default=20, help="kill -9 rounds with durability power (20)")
    parser.add_argument("--process-rounds", type=int, default=3, help="rounds with durability process (3)")
    parser.add_argument("--message-rounds", type=int, default=10, help="kill -9 rounds with MESSAGE of phones (10)")
    parser.add_argument("--drain-rounds", type=int, default=2, help="SIGTERM rounds (2)")
    parser.add_argument("--seed", type=int, help="repeats the random choices of a run")
    parser.add_argument("--server", choices=["roost", *KINDS], default="roost", help="fault run against another server")
    parser.add_argument("--offset", type=int, default=15000, help="added to the standard ports (15000)")
    parser.add_argument("--match", default="", help="interop tests whose name contains this text")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> int:
    report = Report()
    suites = [options.only] if options.only else ["interop", "faults"]
    if options.server == "roost":
        try:
            report.note(f"server: {roost_binary()}")
        except ServerFailure as failure:
            report.result("run", "the server binary exists", str(failure))
            return report.close()
    if "interop" in suites and options.server != "ejabberd":
        try:
            from Interop import suite
        except ImportError as error:
            report.result("interop", "the test packages are installed", f"{error} (Tests/requirements.txt)")
            return report.close()
        await suite.run(report, options.offset + 40, options.match, options.server)
    if "faults" in suites or "scenes" in suites:
        from Faults import moments, scenes
        if options.server == "roost":
            await moments.run(report, options.offset + 10)
            await scenes.run(report, options.offset + 20)
    if "faults" in suites:
        from Faults import run as faults, sip
        if options.server == "roost":
            await sip.run(report, options.offset + 30, options.message_rounds, options.seed)
        await faults.run(faults.Options(
            rounds=options.rounds, process_rounds=options.process_rounds, drain_rounds=options.drain_rounds,
            seed=options.seed, server=options.server, offset=options.offset), report)
    return report.close()


if __name__ == "__main__":
    chosen = parse()
    if chosen.only in (None, "interop"):
        use_environment()
    sys.exit(asyncio.run(main(chosen)))
