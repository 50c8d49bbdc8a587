"""What became of many ingests together, in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from course_backfill.cli.api_client import Document
from course_backfill.cli.copy_sentences import WARM, kind_of, reports_copies, word_of
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import all_objects, objects, size

TO_BRING = "to bring to other locations"


def summary(ends: Sequence[IngestView], *, refused: int = 0) -> str:
    """How many ended how, what was moved (for dry runs: would be), and what was left out."""
    said = counted(Counter(_end_of(end) for end in ends) | Counter({"refused": refused}))
    reported = [end.document for end in ends if end.document.get("report")]
    moved = [end for end in ends if end.is_migrated]
    if reported:
        return "; ".join([said, *_foreseen_totals(reported)])
    if not moved:
        return said
    said += (
        f"; moved: {_total(sum(o.objects_moved for o in moved), sum(o.bytes_moved for o in moved))}"
    )
    left_out = sum(one.failure_count for one in moved)
    return f"{said}; {objects(left_out)} left out" if left_out else said


def counted(counts: Mapping[str, int]) -> str:
    """`3 migrated, 1 failed`; what there is none of is not mentioned."""
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def _end_of(end: IngestView) -> str:
    if end.is_dry_run and end.status == "succeeded":
        return _foreseen(end.document)
    if end.status == "succeeded" and (word := word_of(end.document)):
        return word
    if end.had_nothing_to_do:
        return "had nothing to do"
    return "migrated" if end.is_migrated else end.status


def _foreseen(ingest: Document) -> str:
    report = ingest["report"]
    if report["wouldFail"]:
        return "would fail"
    if report["unchanged"]:
        return "would have nothing to do"
    is_certain = report["bytesWereRead"] and not reports_copies(ingest)
    return "would succeed" if is_certain else "without a fault so far"


def _foreseen_totals(ingests: Sequence[Document]) -> list[str]:
    """What dry runs reported together: files of the source are not mixed with copies of them."""
    totals: dict[str, list[Document]] = {}
    for ingest in ingests:
        totals.setdefault(_subject(ingest), []).append(ingest["report"])
    return [_foreseen_total(subject, reports) for subject, reports in totals.items()]


def _foreseen_total(subject: str, reports: Sequence[Document]) -> str:
    told = all_objects if subject == TO_BRING else objects
    count = told(sum(one["objects"] for one in reports))
    return f"{subject}: {count}, {size(sum(one['bytes'] for one in reports))}"


def _subject(ingest: Document) -> str:
    if kind_of(ingest) == WARM:
        return "cold"
    return TO_BRING if reports_copies(ingest) else "in the source"


def _total(count: int, size_in_bytes: int) -> str:
    return f"{objects(count)}, {size(size_in_bytes)}"
