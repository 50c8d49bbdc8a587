"""What became of many ingests together, in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import objects, size


def summary(ends: Sequence[IngestView], *, refused: int = 0) -> str:
    """How many ended how, what was moved (for dry runs: would be), and what was left out."""
    counts = Counter(_end_of(end) for end in ends) | Counter({"refused": refused})
    said = ", ".join(f"{count} {how}" for how, count in counts.items() if count)
    reports = [end.document["report"] for end in ends if end.document.get("report")]
    moved = [end for end in ends if end.status == "succeeded" and not end.is_dry_run]
    if reports:
        total = _total(sum(one["objects"] for one in reports), sum(one["bytes"] for one in reports))
        return f"{said}; in the source: {total}"
    if not moved:
        return said
    said += (
        f"; moved: {_total(sum(o.objects_done for o in moved), sum(o.bytes_done for o in moved))}"
    )
    left_out = sum(one.failure_count for one in moved)
    return f"{said}; {objects(left_out)} left out" if left_out else said


def _end_of(end: IngestView) -> str:
    if end.is_dry_run and end.status == "succeeded":
        return "would fail" if end.went_wrong else "would succeed"
    if end.had_nothing_to_do:
        return "had nothing to do"
    return "migrated" if end.status == "succeeded" else end.status


def _total(count: int, size_in_bytes: int) -> str:
    return f"{objects(count)}, {size(size_in_bytes)}"
