"""The report over the rows of very many courses, on tables in memory."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass
from itertools import islice

import orjson

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.clock import system_clock
from course_backfill.courses import Course, CourseReplica, CourseStatus
from course_backfill.ingests import PRIMARY
from course_backfill.ports import Write
from course_backfill.reports import BackfillReport, ReportFilter
from course_backfill.stores.course_writes import course_key
from course_backfill.stores.courses import CourseStore

PAGE = 100
DATE = "2026-03-02T08:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Rows:
    """What the report over so many courses takes; `peak`: what Python held at most beside rows."""

    courses: int
    bytes: int
    first_page_seconds: float
    all_pages_seconds: float
    peak: int


def measure_rows(number: int) -> Rows:
    """Half of the courses are migrated; the first page has the totals, as the API gives them."""
    state = MemoryStateStore()
    size = sum(_add(state, one) for one in range(number))
    report = BackfillReport(CourseStore(state, system_clock))
    wanted = ReportFilter(locations=(PRIMARY,), needed=(PRIMARY,))
    began = time.perf_counter()
    totals = report.totals(wanted)
    rows = report.rows(wanted)
    found = len(list(islice(rows, PAGE)))
    first = time.perf_counter() - began
    found += sum(1 for _ in rows)
    whole = time.perf_counter() - began
    if not found == totals.courses == number:
        raise RuntimeError(f"the report has {found} rows and counts {totals.courses}")
    return Rows(number, size, first, whole, _peak(report, wanted))


def _peak(report: BackfillReport, wanted: ReportFilter) -> int:
    """Not while time is taken: to trace memory takes most of it."""
    tracemalloc.start()
    report.totals(wanted)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


def _add(state: MemoryStateStore, number: int) -> int:
    row = Course(
        id=f"course-v1:Organisation{number % 50}+Course{number:06d}+2026_T1",
        org=f"Organisation{number % 50}",
        discovered_date=DATE,
    )
    if number % 2:
        row = row.model_copy(
            update={
                "status": CourseStatus.MIGRATED,
                "versions": 1,
                "latest_version": "v1",
                "latest_objects": 10_000,
                "latest_bytes": 200_000_000,
                "latest_locations": (PRIMARY,),
                "replicas": {PRIMARY: CourseReplica(versions=1, objects=10_000, bytes=200_000_000)},
                "source_checked_date": DATE,
                "stale": False,
            }
        )
    item = row.to_item() | {"statusKey": row.status.value}
    state.write(Write(course_key(row.id), item=item))
    return len(orjson.dumps(item))
