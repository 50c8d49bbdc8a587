"""The report of a dry run: what would be moved, and every problem that can be seen."""

from __future__ import annotations

from course_backfill.cli.copy_sentences import is_of_source
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import number, objects, print_table, printable, say, size
from course_backfill.cli.restore_estimates import print_estimates

LARGEST = 5


def print_report(ingest: IngestView) -> None:
    """Totals by kind, the largest files, problems by code, and what would become of it."""
    report = ingest.document["report"]
    say("")
    told = f"{ingest.course}: {objects(report['objects'])}, {size(report['bytes'])}"
    present = report["present"]
    say(f"{told}; {objects(present)} there already" if present else told, style="bold")
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
            [
                [
                    printable(one["path"]).removeprefix(f"courses/{ingest.course}/"),
                    size(one["size"]),
                ]
                for one in largest
            ],
            numbers=["Size"],
        )
    print_estimates(report)
    if report["problems"]:
        print_table(
            ["Found", "Files"],
            [[code, number(count)] for code, count in report["problems"].items()],
            numbers=["Files"],
        )
        say(f"One by one, with what to do: course-backfill failures {ingest.id}")
    if report["sharedWith"]:
        say(f"Shares files with {', '.join(map(printable, report['sharedWith']))}.")
    # Where MongoDB has nothing new, the report is of what other locations lack.
    if is_of_source(ingest.document) and not report["byStorageClass"]:
        say(_verdict(report["wouldFail"], report["unchanged"], report["bytesWereRead"]))
    else:
        say(_verdict_of_copies(report["wouldFail"], report["unchanged"]))


def _verdict_of_copies(would_fail: bool, unchanged: bool) -> str:
    if would_fail:
        return "An ingest would FAIL: see above."
    if unchanged:
        return "An ingest would have nothing to do."
    return "Nothing speaks against an ingest."


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
