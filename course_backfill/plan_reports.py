"""Plan reports: what a dry run found."""

from __future__ import annotations

from course_backfill.records import Record


class LargestObject(Record):
    """One of the largest objects of a course."""

    path: str
    size: int


class PlanReport(Record):
    """What a dry run found; problems are listed one by one under the ingest's failures."""

    objects: int
    bytes: int
    by_kind: dict[str, dict[str, int]]
    largest: tuple[LargestObject, ...]
    shared_with: tuple[str, ...]
    problems: dict[str, int]
    """Code → how many objects, failures and warnings alike."""
    bytes_were_read: bool
    would_fail: bool
    unchanged: bool
    """Whether the latest version equals the source, so that an ingest would have nothing to do."""
