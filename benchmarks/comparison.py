"""One course, copied to each destination, beside the bounds of the same run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pymongo.database import Database

from benchmarks.bounds import DestinationBound, NaivePath, SourceBound
from benchmarks.content import Content, write
from benchmarks.measuring import CORES, Measured, Stopwatch, typical
from benchmarks.servers import Servers
from benchmarks.worker import PlannedCourse, connections, empty, make_buckets
from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.mongodb import Document


@dataclass(frozen=True, slots=True)
class Comparison:
    """Typical runs of everything about one course and one destination."""

    course: str
    destination: str
    reading: Measured
    hashing: Measured
    putting: Measured
    naive: Measured
    replicator: Measured

    @property
    def smaller_bound(self) -> Measured:
        """Reading or putting, whichever takes longer."""
        return max(self.reading, self.putting, key=lambda bound: bound.seconds)

    @property
    def least_seconds(self) -> float:
        """What reading, hashing and putting take at best when they share the machine's cores.

        Each must also take the time that it takes by itself.
        """
        parts = (self.reading, self.hashing, self.putting)
        cpu = sum(sum(part.cpu.values()) for part in parts)
        return max(self.smaller_bound.seconds, cpu / CORES)

    @property
    def of_smaller_bound(self) -> float:
        """The replicator's throughput as a share of the smaller bound's."""
        return self.smaller_bound.seconds / self.replicator.seconds

    @property
    def of_machine(self) -> float:
        """The same of what the cores allow reading, hashing and putting together."""
        return self.least_seconds / self.replicator.seconds

    @property
    def of_naive(self) -> float:
        """How many times as fast as the naive path."""
        return self.replicator.files_per_second / self.naive.files_per_second

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        runs = {
            "reading": self.reading,
            "hashing": self.hashing,
            "putting": self.putting,
            "naive": self.naive,
            "replicator": self.replicator,
        }
        return {
            "course": self.course,
            "destination": self.destination,
            "ratioToSmallerBound": self.of_smaller_bound,
            "ratioToMachine": self.of_machine,
            "ratioToNaive": self.of_naive,
            **{name: run.to_dict() for name, run in runs.items()},
        }


class Course:
    """Runs one course's copying and its bounds, by turns, so that all see the same machine."""

    def __init__(
        self,
        content: Content,
        servers: Servers,
        database: Database[Document],
        *,
        patience: float,
    ) -> None:
        write(content, database)
        self._content = content
        self._servers = servers
        self._database = database
        self._patience = patience
        self._source = SourceBound(database, content)
        self._held = self._source.contents()
        self._workers = {
            name: connections(server.address, servers.mongod.address, database.name)
            for name, server in servers.destinations.items()
        }
        for worker in self._workers.values():
            make_buckets(worker)

    def compare(self, rounds: int, *, tell: Callable[[str], None]) -> list[Comparison]:
        """Everything so many times, but the slow naive path once and over a tenth of the files.

        The typical run of each.
        """
        runs: dict[tuple[str, str], list[Measured]] = defaultdict(list)
        for number in range(rounds):
            for name, worker in self._workers.items():
                tell(f"{self._content.title}: {name}, round {number + 1} of {rounds}")
                for kind, (work, files) in self._works(worker).items():
                    if kind != "naive" or number == 0:
                        runs[name, kind].append(self._measure(name, work, files))
                        empty(worker, worker.primary.bucket)
        return [self._comparison(name, runs) for name in self._workers]

    def _works(self, worker: ConnectedWiring) -> dict[str, tuple[Callable[[], None], int]]:
        """What is measured, each with the number of files that it goes through."""
        bound = DestinationBound(worker, self._content, self._held)
        naive = NaivePath(self._database, worker)
        files, some = self._content.files, -(-self._content.files // 10)
        return {
            "reading": (self._source.read, files),
            "hashing": (bound.hash, files),
            "putting": (bound.put, files),
            "replicator": (PlannedCourse(worker, self._content.course).replicate, files),
            "naive": (partial(naive.copy, self._content, some), some),
        }

    def _measure(self, destination: str, work: Callable[[], None], files: int) -> Measured:
        processes = {
            "mongod": self._servers.mongod.process,
            "s3": self._servers.destinations[destination].process,
        }
        stopwatch = Stopwatch(processes, patience=self._patience)
        return stopwatch.measure(work, files=files, size=sum(self._content.sizes[:files]))

    def _comparison(
        self, destination: str, runs: dict[tuple[str, str], list[Measured]]
    ) -> Comparison:
        return Comparison(
            course=self._content.title,
            destination=destination,
            **{kind: typical(own) for (name, kind), own in runs.items() if name == destination},
        )
