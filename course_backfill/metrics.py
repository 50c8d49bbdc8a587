"""Metrics: every figure that the services emit, with its unit, its dimensions and its meaning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from course_backfill.courses import CourseStatus
from course_backfill.failures import ADVICE
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from course_backfill.work_context import work_fields

NAMESPACE = "CourseBackfill"
"""The namespace of all of them in CloudWatch."""

COMMON = ("namespace", "service")
"""Dimensions of every metric: the installation's namespace, and the service that emits it."""

VALUES = {
    "step": frozenset(Step),
    "status": frozenset(IngestStatus) | frozenset(CourseStatus),
    "code": frozenset(ADVICE),
}
"""The values of every other dimension: each is a metric of its own, and is paid for."""

OTHER = "other"


class Unit(StrEnum):
    """Units, as CloudWatch calls them."""

    COUNT = "Count"
    BYTES = "Bytes"
    SECONDS = "Seconds"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. `by`: its dimension beside the common ones; each metric has one set of them.

    A gauge says how many there are (take the Maximum), any other what was added (take the Sum, or
    percentiles of seconds).
    """

    name: str
    unit: Unit
    meaning: str
    services: tuple[str, ...] = ()
    """The services that emit it; empty: any."""
    by: str | None = None
    is_gauge: bool = False

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of its dimensions."""
        return (*COMMON, self.by) if self.by else COMMON


_READ = ("replicator", "verifier")

OBJECTS = Metric(
    "objects", Unit.COUNT, "objects copied, or read back and found right", _READ, by="step"
)
BYTES = Metric("bytes", Unit.BYTES, "their bytes", _READ, by="step")
BAD_OBJECTS = Metric(
    "bad_objects",
    Unit.COUNT,
    "objects that could not be copied, or were not found right",
    _READ,
    by="step",
)
SECONDS = Metric("seconds", Unit.SECONDS, "how long one message of a step took", by="step")
QUEUE_SECONDS = Metric(
    "queue_seconds", Unit.SECONDS, "how long a message waited until it was first received"
)
ERRORS = Metric(
    "errors", Unit.COUNT, "messages that failed unexpectedly and go back to their queue"
)
INGESTS = Metric(
    "ingests",
    Unit.COUNT,
    "ingests that came to a status: accepted, succeeded, failed or cancelled",
    by="status",
)
FAILURES = Metric(
    "failures", Unit.COUNT, "ingests that failed, by the code of their failure", by="code"
)
DEAD_LETTERS = Metric("dead_letters", Unit.COUNT, "dead letters taken in", ("janitor",))

DEAD_LETTERS_OPEN = Metric(
    "dead_letters_open",
    Unit.COUNT,
    "dead letters that were not sent again",
    ("janitor",),
    is_gauge=True,
)
STALLED_INGESTS = Metric(
    "stalled_ingests",
    Unit.COUNT,
    "ingests to which nothing has happened for longer than the settings allow",
    ("janitor",),
    is_gauge=True,
)
RESTORES_PENDING = Metric(
    "restores_pending",
    Unit.COUNT,
    "objects of running ingests that are cold or being restored",
    ("janitor",),
    is_gauge=True,
)
COURSES = Metric(
    "courses",
    Unit.COUNT,
    "courses by status: not-migrated, in-progress, migrated or failed",
    ("janitor",),
    by="status",
    is_gauge=True,
)

METRICS = (
    *(OBJECTS, BYTES, BAD_OBJECTS, SECONDS, QUEUE_SECONDS, ERRORS, INGESTS, FAILURES),
    *(DEAD_LETTERS, DEAD_LETTERS_OPEN, STALLED_INGESTS, RESTORES_PENDING, COURSES),
)


def dimensions_of(metrics: Iterable[Metric], *, namespace: str, by: str | None) -> dict[str, str]:
    """The dimensions that these metrics are emitted with, of the service that works now.

    Raises ValueError where they do not all have `by`, or all do without.
    """
    names = {one.by for one in metrics}
    if len(names) != 1 or (names == {None}) != (by is None):
        raise ValueError(f"no metrics of one set of dimensions: {sorted(map(str, names))}, {by}")
    common = {"namespace": namespace, "service": str(work_fields().get("service", OTHER))}
    name = names.pop()
    if name is None or by is None:
        return common
    return common | {name: str(by) if by in VALUES[name] else OTHER}
