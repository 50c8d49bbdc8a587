"""The command that tells which courses are where, and which are not there yet: report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.connection import AsCsv, AsJson, with_api
from course_backfill.cli.printing import (
    courses,
    moment,
    number,
    objects,
    print_json,
    printable,
    say,
    size,
    status_text,
)
from course_backfill.cli.tables import Column, print_rows, tell_left_out


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

    Courses that need something come first. "Left out" counts the bad files that a version is
    without, because it was made with --corrupt-objects record.
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
    if rows:
        print_report(rows, first["totals"])
    elif any(query.values()):
        say("No course is like that.")
    else:
        say("No course: course-backfill discover finds those of the source.")


def print_report(rows: list[Document], totals: Document) -> None:
    """The report's table as wide as the terminal allows, what to look into, and the totals."""
    left_out = print_course_rows(rows)
    for row in rows:
        if row["lastIngest"] and row["lastIngest"]["status"]["id"] == "failed":
            course = printable(row["course"]["id"])
            say(f"{course}: failed; why: course-backfill failures {course}", style="red")
    missing = totals["notBackfilled"]
    said = (
        f"{courses(totals['courses'])}: {totals['courses'] - missing} backfilled, {missing} not; "
        f"{objects(totals['objects'])}, {size(totals['bytes'])}; {totals['stale']} stale"
    )
    if totals["exceptions"]:
        said += f"; {objects(totals['exceptions'])} left out"
    say(said)
    if len(totals["byLocation"]) > 1:
        held = (f"{number(count)} in {name}" for name, count in totals["byLocation"].items())
        say(f"Of these courses: {', '.join(held)}")
    tell_left_out(left_out)


def print_course_rows(rows: list[Document], *, screen: Console | None = None) -> tuple[str, ...]:
    """A row for each course; gives the headings of the columns that there was no room for."""

    def column(heading: str, cells: Sequence[str | Text], **how: bool) -> Column:
        return Column(heading, cells, **how)

    standing = [
        column("Status", [status_text(row["status"]["id"]) for row in rows]),
        column("Version", [row["version"] or "–" for row in rows]),
        column("Objects", [number(row["objects"]) for row in rows], is_number=True),
        column("Size", [size(row["bytes"]) for row in rows], is_number=True),
        column("Left out", [_left_out(row["exceptions"]) for row in rows], is_number=True),
        column("Source", [_freshness(row["stale"]) for row in rows]),
    ]
    dates = [
        column("Checked (UTC)", [moment(row["sourceCheckedDate"]) for row in rows], may_go=True),
        column("Last ingest", [_last_ingest(row) for row in rows], may_go=True),
    ]
    names = column("Course", [printable(row["course"]["id"]) for row in rows])
    held = [
        column(f"In {name}", [row["locations"][name] or _missing("–") for row in rows])
        for name in rows[0]["locations"]
    ]
    if len(held) == 1:
        # Where a course is said to be migrated, it is there.
        return print_rows(names, [*standing, *dates], screen=screen)
    missing = column("Not in", [_missing(_not_in(row)) for row in rows])
    return print_rows(
        names, [*standing, *held, *dates], [*standing, missing, *dates], screen=screen
    )


def _left_out(count: int | None) -> str | Text:
    return Text(number(count), style="yellow") if count else number(count)


def _not_in(row: Document) -> str:
    return "all" if len(row["missing"]) == len(row["locations"]) else ", ".join(row["missing"])


def _missing(said: str) -> Text:
    return Text(said, style="yellow")


def _last_ingest(row: Document) -> str | Text:
    last = row["lastIngest"]
    return status_text(last["status"]["id"]) if last else "–"


def _freshness(stale: bool | None) -> str | Text:
    if stale is None:
        return "–"
    return status_text("stale") if stale else "fresh"
