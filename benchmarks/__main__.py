"""`python -m benchmarks`: how fast courses are copied, beside what this machine allows."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pymongo import MongoClient
from rich.console import Console

from benchmarks import report
from benchmarks.comparison import Course
from benchmarks.content import (
    DATABASE,
    Content,
    big_course,
    large_files,
    many_files,
    small_files,
    write,
)
from benchmarks.location_cases import LocationCase
from benchmarks.memory import NoRoom, measure_peak
from benchmarks.scale import measure_scale
from benchmarks.servers import EMBEDDED, Servers, running_servers
from benchmarks.state_requests import (
    count_location_backfill,
    count_warming,
    warming_settings,
)
from benchmarks.worker import QueuelessWiring, worker_settings
from course_backfill.adapters.mongodb import Client
from course_backfill.local.mongod_binary import MongodUnavailable

PARTS = ("small", "large", "memory", "locations", "requests", "scale")
RESULTS = Path(__file__).parent.parent / ".local" / "bench"


def main() -> None:
    """Measures, prints a table, and stores everything as JSON below `.local/bench/`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, to try it out")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement (default 5)")
    parser.add_argument("--only", choices=PARTS, help="one part alone")
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
    results = report.Results()
    with running_servers(folder) as servers, console.status("") as status:
        run = Run(servers, folder, options, tell=status.update)
        for name, measure in run.parts.items():
            if options.only in {None, name}:
                measure(results)
    report.show(console, results)
    console.print(f"All figures: {_store(results)}")


class Run:
    """The parts of one run, by the names that `--only` takes."""

    def __init__(
        self,
        servers: Servers,
        folder: Path,
        options: argparse.Namespace,
        *,
        tell: Callable[[str], None],
    ) -> None:
        self._servers = servers
        self._folder = folder
        self._scale = 10 if options.quick else 1
        self._rounds: int = options.rounds
        self._patience: float = options.patience
        self._tell = tell
        measures: tuple[Callable[[report.Results], None], ...] = (
            partial(self._course, small_files(self._scale)),
            partial(self._course, large_files(self._scale)),
            self._memory,
            self._locations,
            self._requests,
            self._scaled,
        )
        self.parts = dict(zip(PARTS, measures, strict=True))

    def _course(self, content: Content, results: report.Results) -> None:
        with self._source() as client:
            self._tell(f"{content.title}: writing it")
            course = Course(content, self._servers, client[DATABASE], patience=self._patience)
            results.comparisons += course.compare(self._rounds, tell=self._tell)

    def _memory(self, results: report.Results) -> None:
        big = big_course(self._scale)
        self._tell(f"{big.title}: writing and copying it")
        with self._source() as client:
            results.peak = measure_peak(
                big, self._scale, self._servers, client["big"], self._folder
            )

    def _locations(self, results: report.Results) -> None:
        for content in (small_files(self._scale), large_files(self._scale)):
            for name, server in self._servers.destinations.items():
                self._tell(f"{content.title} between locations: writing them")
                with LocationCase(content, name, server, patience=self._patience) as case:
                    results.locations.append(case.compare(self._rounds, tell=self._tell))

    def _requests(self, results: report.Results) -> None:
        content, database = many_files(self._scale), "many"
        self._tell(f"{content.title}: writing them, and bringing them to two locations")
        with self._source() as client:
            write(content, client[database])
        s3, mongod = self._servers.destinations[EMBEDDED], self._servers.mongod
        settings = warming_settings(worker_settings(s3.address, mongod.address, database))
        with closing(QueuelessWiring(settings)) as one:
            results.requests.append(count_location_backfill(content, one))
            results.requests.append(count_warming(content, one, self._tell))

    def _scaled(self, results: report.Results) -> None:
        number = 1_000_000 // self._scale
        self._tell(f"{number:,} objects in one course: writing and going through them")
        results.scale = measure_scale(number, self._servers)

    def _source(self) -> Client:
        return MongoClient(self._servers.mongod.address)


def _store(results: report.Results) -> Path:
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(results.to_dict(), indent=2))
    return path


if __name__ == "__main__":
    main()
