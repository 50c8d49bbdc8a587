"""The report of a dry run: what would be moved, and every problem that can be seen."""

from __future__ import annotations

import re

from course_backfill.cli.api_client import Document
from course_backfill.cli.bills import in_short
from course_backfill.cli.copy_sentences import WARM, kind_of, reports_copies
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import (
    all_objects,
    number,
    objects,
    print_table,
    printable,
    say,
    size,
)
from course_backfill.cli.restore_estimates import print_estimates
from course_backfill.estimation.estimates import Estimate
from course_backfill.ingests import PRIMARY

LARGEST = 5
NOTHING_COLD = "Nothing would be restored: nothing is cold, every file can be read."
NOTHING_MISSING = "Nothing would be copied: every version is there already."
_KEY = re.compile(r"courses/[^/]+/")
"""How the keys of all registered copies begin."""


def print_report(ingest: IngestView) -> None:
    """Totals by kind, the largest files, problems by code, and what would become of it."""
    report = ingest.document["report"]
    say("")
    say(f"{ingest.course}: {_totals(ingest.document)}", style="bold")
    if report["byKind"]:
        print_table(
            ["Kind", "Objects", "Size"],
            [
                [kind, number(totals["objects"]), size(totals["bytes"])]
                for kind, totals in report["byKind"].items()
            ],
            numbers=["Objects", "Size"],
        )
    largest = report["largest"][:LARGEST]
    if largest:
        print_table(
            ["Largest files", "Size"],
            [[printable(_KEY.sub("", one["path"], count=1)), size(one["size"])] for one in largest],
            numbers=["Size"],
        )
    print_estimates(report, is_warming=kind_of(ingest.document) == WARM)
    if report["problems"]:
        counted = "Times" if reports_copies(ingest.document) else "Files"
        print_table(
            ["Found", counted],
            [[code, number(count)] for code, count in report["problems"].items()],
            numbers=[counted],
        )
        say(f"One by one, with what to do: course-backfill failures {ingest.id}")
    if report.get("estimate") and not report["unchanged"]:
        say(f"It takes {in_short(Estimate.model_validate(report['estimate']))}.")
    if report["sharedWith"]:
        say(f"Shares files with {', '.join(map(printable, report['sharedWith']))}.")
    if report["toRepair"] and not report["wouldFail"]:
        say(
            f"{number(report['toRepair'])} damaged copies wait to be mended: the next ingest mends "
            "them, and brings nothing else; then start the course again."
        )
    elif reports_copies(ingest.document):
        say(_verdict_of_copies(ingest.document))
    else:
        say(_verdict(report["wouldFail"], report["unchanged"], report["bytesWereRead"]))


def _totals(ingest: Document) -> str:
    """How much there is to be done, and for copies where."""
    report = ingest["report"]
    total = f"{objects(report['objects'])}, {size(report['bytes'])}"
    if report["objects"] and reports_copies(ingest):
        is_warming = kind_of(ingest) == WARM
        where = [one for one in ingest["locations"] if is_warming or one != _source(ingest)]
        what = "cold in" if is_warming else "to bring to"
        count = (objects if is_warming else all_objects)(report["objects"])
        total = f"{what} {', '.join(where)}: {count}, {size(report['bytes'])}"
    return f"{total}; {objects(report['present'])} there already" if report["present"] else total


def _source(ingest: Document) -> str:
    """The location that other locations are filled from."""
    return str(ingest["sourceLocation"]["id"] or PRIMARY)


def _verdict_of_copies(ingest: Document) -> str:
    report, is_warming = ingest["report"], kind_of(ingest) == WARM
    if report["wouldFail"]:
        return "It would FAIL: see above."
    if report["unchanged"]:
        return NOTHING_COLD if is_warming else NOTHING_MISSING
    return "Nothing speaks against restoring it." if is_warming else "Nothing speaks against it."


def _verdict(would_fail: bool, unchanged: bool, bytes_were_read: bool) -> str:
    if would_fail:
        return "An ingest would FAIL: see above; --corrupt-objects record copies the rest."
    if unchanged:
        return "An ingest would have nothing to do: the latest version equals the source."
    if bytes_were_read:
        return "An ingest would succeed: every byte was read and fits."
    return (
        "Nothing speaks against an ingest. Bytes were not read; "
        "--read-source reads them all, to find every bad file beforehand."
    )
