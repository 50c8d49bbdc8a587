"""`python -m benchmarks`: how fast courses are copied, beside what this machine allows."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pymongo import MongoClient
from rich.console import Console

from benchmarks import report
from benchmarks.comparison import Comparison, Course
from benchmarks.content import DATABASE, big_course, large_files, small_files
from benchmarks.memory import NoRoom, Peak, measure_peak
from benchmarks.servers import running_servers
from course_backfill.adapters.mongodb import Client
from course_backfill.local.mongod_binary import MongodUnavailable

RESULTS = Path(__file__).parent.parent / ".local" / "bench"


def main() -> None:
    """Measures, prints a table, and stores everything as JSON below `.local/bench/`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, to try it out")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement (default 5)")
    parser.add_argument("--only", choices=("small", "large", "memory"), help="one part alone")
    parser.add_argument(
        "--patience",
        type=float,
        default=5.0,
        help="seconds to wait, before each measurement, for other programs to be quiet (5)",
    )
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=RESULTS))
    width = max(Console().width, report.WIDTH)
    try:
        _run(folder, Console(width=width), options)
    except (MongodUnavailable, NoRoom) as error:
        sys.exit(str(error))
    finally:
        shutil.rmtree(folder)


def _run(folder: Path, console: Console, options: argparse.Namespace) -> None:
    scale = 10 if options.quick else 1
    contents = {"small": small_files(scale), "large": large_files(scale)}
    chosen = [content for name, content in contents.items() if options.only in {None, name}]
    comparisons: list[Comparison] = []
    peak: Peak | None = None
    with running_servers(folder) as servers, console.status("") as status:
        client: Client
        with MongoClient(servers.mongod.address) as client:
            for content in chosen:
                status.update(f"{content.title}: writing it")
                course = Course(content, servers, client[DATABASE], patience=options.patience)
                comparisons += course.compare(options.rounds, tell=status.update)
            if options.only in {None, "memory"}:
                big = big_course(scale)
                status.update(f"{big.title}: writing and copying it")
                peak = measure_peak(big, scale, servers, client["big"], folder)
    report.show(console, comparisons, peak)
    console.print(f"All figures: {_store(comparisons, peak)}")


def _store(comparisons: list[Comparison], peak: Peak | None) -> Path:
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    figures = {
        "machine": report.machine(),
        "comparisons": [one.to_dict() for one in comparisons],
        "memory": peak.to_dict() if peak else None,
    }
    path.write_text(json.dumps(figures, indent=2))
    return path


if __name__ == "__main__":
    main()
