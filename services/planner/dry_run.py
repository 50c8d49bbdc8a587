"""A dry run: the same inventory as a real ingest, and a report instead of copies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta

from course_backfill.clock import Clock
from course_backfill.courses import CourseId
from course_backfill.estimation.estimates import Workload
from course_backfill.estimation.estimator import Estimator
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.inventory import SourceObject
from course_backfill.lifecycle import Lifecycle
from course_backfill.plan_reports import PlanReport
from course_backfill.ports import CourseSource
from course_backfill.results import Results
from course_backfill.sorting import twins
from course_backfill.source_reading import (
    BATCH_BYTES,
    Bad,
    Grown,
    Kept,
    Read,
    Removed,
    batches,
    digest_fault,
    read_large,
    read_small,
)
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.read_shares import Check
from course_backfill.stores.still_wanted import StillWanted
from services.planner.inventory_scan import InventoryScan, Tally, failure, warning, warnings

READ_TOGETHER = 200
LOOK_EVERY = timedelta(seconds=10)
"""It holds no claim that is renewed: so often it looks whether it was cancelled."""


class DryRun:
    """Ends an ingest with a report; writes nothing but the report and the list of problems."""

    def __init__(
        self,
        *,
        source: CourseSource,
        source_for: Callable[[Check], CourseSource],
        ingests: IngestStore,
        clock: Clock,
        courses: CourseStore,
        results: Results,
        lifecycle: Lifecycle,
        estimator: Estimator,
    ) -> None:
        """`source_for`: the source, where reading may wait, and calls that check meanwhile."""
        self._source = source
        self._source_for = source_for
        self._ingests = ingests
        self._clock = clock
        self._courses = courses
        self._results = results
        self._lifecycle = lifecycle
        self._estimator = estimator

    def end(
        self,
        ingest: Ingest,
        scan: InventoryScan,
        inventory: Callable[[], Iterator[SourceObject]],
        *,
        unchanged: bool,
    ) -> None:
        """Reports what an ingest would meet; `inventory` gives the sorted objects anew."""
        tally = Tally()
        listed = self._results.write_failures(
            ingest, tally.counting(self._problems(ingest, inventory))
        )
        course = CourseId.parse(ingest.course)
        would_fail = tally.failures > 0 and ingest.corrupt_objects == "fail"
        work = Workload() if unchanged else scan.workload.workload()
        report = PlanReport(
            objects=scan.objects,
            bytes=scan.bytes,
            by_kind=scan.by_kind,
            largest=scan.largest(),
            shared_with=tuple(str(one) for one in self._source.sharing(course)),
            problems=dict(sorted(tally.codes.items())),
            bytes_were_read=ingest.read_source,
            would_fail=would_fail,
            unchanged=unchanged,
            to_repair=self._courses.get(ingest.course).to_repair,
            estimate=None if would_fail else self._estimator.backfill(work, ingest.locations),
        )
        description = f"Dry run: {scan.objects} objects, {scan.bytes} bytes, {listed} finding(s)"
        self._lifecycle.end(
            ingest,
            IngestStatus.SUCCEEDED,
            description=description,
            change=lambda now: now.model_copy(update={"report": report, "failure_count": listed}),
        )

    def _problems(
        self, ingest: Ingest, inventory: Callable[[], Iterator[SourceObject]]
    ) -> Iterator[Failure]:
        course = CourseId.parse(ingest.course)
        for one in inventory():
            if one.fault:
                yield failure(one, one.fault)
            yield from warnings(one, course)
        for code, paths in twins(one.path for one in inventory()):
            yield warning(code, None, ", ".join(map(repr, paths)))
        for other in self._source.sharing(course):
            yield warning("shared-file", None, f"all c4x files are {other}'s too")
        if ingest.read_source:
            wanted = StillWanted(self._ingests, ingest, self._clock, every=LOOK_EVERY)
            reading = _Reading(self._source_for(wanted.check), wanted.check)
            yield from reading.all(one for one in inventory() if one.fault is None)


class _Reading:
    """Reads every byte, so that every bad object is known beforehand."""

    def __init__(self, source: CourseSource, check: Check) -> None:
        self._source = source
        self._check = check

    def all(self, objects: Iterator[SourceObject]) -> Iterator[Failure]:
        """What is wrong with any of them; raises what the check raises."""
        small: list[SourceObject] = []
        for one in objects:
            if one.size > BATCH_BYTES:
                yield from self._read_one(one)
                continue
            small.append(one)
            if len(small) == READ_TOGETHER:
                yield from self._read_group(small)
                small = []
        yield from self._read_group(small)

    def _read_one(self, one: SourceObject) -> Iterator[Failure]:
        self._check()
        match read_large(self._source, one, lambda _: _Hash(self._check)):
            case Bad(source, fault):
                yield failure(source, fault)
            case Kept(source, md5):
                yield from self._compared(source, md5)
            case Removed():
                pass

    def _read_group(self, group: list[SourceObject]) -> Iterator[Failure]:
        for batch in batches(group):
            self._check()
            for outcome in read_small(self._source, batch):
                match outcome:
                    case Bad(source, fault):
                        yield failure(source, fault)
                    case Read(source, content):
                        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
                        yield from self._compared(source, md5)
                    case Grown(source):
                        yield from self._read_one(source)
                    case Removed():
                        pass

    def _compared(self, found: SourceObject, md5: str) -> Iterator[Failure]:
        fault = digest_fault(found, md5)
        if fault:
            yield failure(found, fault)


class _Hash:
    """A sink that keeps nothing but the md5."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._md5 = hashlib.md5(usedforsecurity=False)

    def write(self, block: bytes) -> None:
        """Takes the next block."""
        self._check()
        self._md5.update(block)

    def commit(self) -> str:
        """The md5 in hex."""
        return self._md5.hexdigest()

    def discard(self) -> None:
        """Nothing to drop."""

    def leave(self) -> None:
        """Nothing was sent."""
