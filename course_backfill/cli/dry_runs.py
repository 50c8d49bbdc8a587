"""The report of a dry run: what would be moved, and every problem that can be seen."""

from __future__ import annotations

from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import number, objects, print_table, printable, say, size

LARGEST = 5


def print_report(ingest: IngestView) -> None:
    """Totals by kind, the largest files, problems by code, and what would become of it."""
    report = ingest.document["report"]
    say("")
    say(f"{ingest.course}: {objects(report['objects'])}, {size(report['bytes'])}", style="bold")
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
            [[printable(one["path"]), size(one["size"])] for one in largest],
            numbers=["Size"],
        )
    if report["problems"]:
        print_table(
            ["Found", "Files"],
            [[code, number(count)] for code, count in report["problems"].items()],
            numbers=["Files"],
        )
        say(f"One by one, with what to do: course-backfill failures {ingest.id}")
    if report["sharedWith"]:
        say(f"Shares files with {', '.join(map(printable, report['sharedWith']))}.")
    say(_verdict(report["wouldFail"], report["unchanged"], report["bytesWereRead"]))


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
