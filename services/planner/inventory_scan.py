"""What one pass over a sorted inventory tells: totals, kinds, packets, problems. Pure."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from course_backfill.copies.object_keys import relative_key
from course_backfill.courses import CourseId
from course_backfill.estimation.workloads import WorkloadCount
from course_backfill.failures import ADVICE, Failure
from course_backfill.inventory import Fault, Fingerprints, InventorySummary, SourceObject
from course_backfill.locations import Location
from course_backfill.packets import PacketRange, cut_packets
from course_backfill.plan_reports import LARGEST, LargestObject


@dataclass(slots=True)
class InventoryScan:
    """Feed it every object of an inventory, in order; then read what it saw."""

    objects: int = 0
    bytes: int = 0
    faults: int = 0
    by_kind: dict[str, dict[str, int]] = field(default_factory=dict)
    workload: WorkloadCount = field(default_factory=WorkloadCount)
    _fingerprints: Fingerprints = field(default_factory=Fingerprints)
    _largest: list[tuple[int, str]] = field(default_factory=list)

    def add(self, found: SourceObject) -> None:
        """Takes the next object."""
        size = max(found.size, 0)
        self.objects += 1
        self.bytes += size
        self.faults += found.fault is not None
        of_kind = self.by_kind.setdefault(found.kind, {"objects": 0, "bytes": 0})
        of_kind["objects"] += 1
        of_kind["bytes"] += size
        self.workload.add(size)
        self._fingerprints.add(found)
        heapq.heappush(self._largest, (size, found.path))
        if len(self._largest) > LARGEST:
            heapq.heappop(self._largest)

    def packets(self, objects: Iterable[SourceObject]) -> Iterator[PacketRange]:
        """Cuts the inventory into packets while taking it."""

        def measured() -> Iterator[tuple[int, int]]:
            for found in self.passing(objects):
                yield len(found.to_line()), found.size

        return cut_packets(measured())

    def passing(self, objects: Iterable[SourceObject]) -> Iterator[SourceObject]:
        """Takes the inventory while passing it on."""
        for found in objects:
            self.add(found)
            yield found

    def summary(self, key: str, *, database: str, taken_date: str) -> InventorySummary:
        """What the ingest's record keeps of it."""
        return InventorySummary(
            key=key,
            database=database,
            taken_date=taken_date,
            objects=self.objects,
            bytes=self.bytes,
            fingerprints=self._fingerprints.hexdigests(),
        )

    def largest(self) -> tuple[LargestObject, ...]:
        """The largest objects, largest first."""
        ordered = sorted(self._largest, reverse=True)
        return tuple(LargestObject(path=path, size=size) for size, path in ordered)


def warnings(found: SourceObject, course: CourseId) -> Iterator[Failure]:
    """What a dry run points out about one object though nothing fails because of it."""
    if found.declared_md5 is None:
        yield warning("no-digest", found, "the document has no md5")
    if not found.content_type:
        yield warning("no-content-type", found, "the document has no content type")
    prefix = Location(bucket="any-location").version_prefix(course, "v999999999")
    key = relative_key(found.path, version_prefix=prefix)
    if key.partition("/")[2].startswith("_long/"):
        yield warning("hashed-key", found, f"the name is too long for a key: {key}")
    elif key != found.path:
        yield warning("encoded-key", found, f"the key is {key}")


def warning(code: str, found: SourceObject | None, detail: str) -> Failure:
    """A line of a dry run's findings that is no failure."""
    return Failure(
        severity="warning",
        stage="planning",
        code=code,
        detail=detail,
        action=ADVICE[code],
        path=found.path if found else None,
        source_id=found.source_id if found else None,
    )


def failure(found: SourceObject, fault: Fault) -> Failure:
    """A bad object, found before anything was copied."""
    return Failure.of_object(found, fault, stage="planning")


@dataclass(slots=True)
class Tally:
    """Counts findings while they pass by."""

    codes: Counter[str] = field(default_factory=Counter)
    failures: int = 0

    def counting(self, found: Iterable[Failure]) -> Iterator[Failure]:
        """Passes the findings on."""
        for one in found:
            self.codes[one.code] += 1
            self.failures += one.severity == "failure"
            yield one
