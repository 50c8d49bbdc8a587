"""The command that tells which courses are where, and which are not there yet: report."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.printing import (
    courses,
    moment,
    number,
    objects,
    print_json,
    print_table,
    printable,
    say,
    size,
    status_text,
)

COLUMNS = (
    "Course",
    "Status",
    "Version",
    "Objects",
    "Size",
    "Source",
    "Checked (UTC)",
    "Last ingest",
)
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")]


@with_api
def report(
    api: ApiClient,
    *,
    status: Annotated[str | None, typer.Option(help="Only courses of this status.")] = None,
    org: Annotated[str | None, typer.Option(help="Only courses of this organisation.")] = None,
    location: Annotated[str | None, typer.Option(help="Held against this location alone.")] = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Report every course: backfilled or not, where, how large, fresh or stale.

    Courses that need something come first.
    """
    query = {"status": status, "org": org, "location": location}
    if as_csv:
        sys.stdout.writelines(api.csv("/reports/backfill", **query))
        return
    first = api.get("/reports/backfill", limit=1, **query)
    rows = list(api.pages("/reports/backfill", **query))
    if as_json:
        print_json({**first, "results": rows, "nextCursor": None})
        return
    print_report(rows, first["totals"])


def print_report(rows: list[Document], totals: Document) -> None:
    """The table of the backfill report, and its totals."""
    if not rows:
        say("No course: course-backfill discover finds those of the source.")
        return
    print_table(
        [
            "Course",
            "Status",
            "Version",
            "Objects",
            "Size",
            "Source",
            "Checked (UTC)",
            "Last ingest",
        ],
        [_report_row(row) for row in rows],
        numbers=["Objects", "Size"],
    )
    for row in rows:
        if row["lastIngest"] and row["lastIngest"]["status"]["id"] == "failed":
            course = printable(row["course"]["id"])
            say(f"{course}: failed; why: course-backfill failures {course}", style="red")
    missing = totals["notBackfilled"]
    say(
        f"{courses(totals['courses'])}: {totals['courses'] - missing} backfilled, {missing} not; "
        f"{objects(totals['objects'])}, {size(totals['bytes'])}; {totals['stale']} stale"
    )


def _report_row(row: Document) -> list[str | Text]:
    last = row["lastIngest"]
    return [
        printable(row["course"]["id"]),
        status_text(row["status"]["id"]),
        row["version"] or "–",
        number(row["objects"]),
        size(row["bytes"]),
        _freshness(row["stale"]),
        moment(row["sourceCheckedDate"]),
        status_text(last["status"]["id"]) if last else "–",
    ]


def _freshness(stale: bool | None) -> str | Text:
    if stale is None:
        return "–"
    return status_text("stale") if stale else "fresh"
