"""The command that tells which courses are where, and which are not there yet: report."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.connection import AsCsv, AsJson, with_api
from course_backfill.cli.printing import (
    copies,
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

ATTEMPTS = {
    "fill": "backfill",
    "bring": "copy to other locations",
    "repair": "repair",
    "audit": "audit",
    "warm": "warming",
}
"""Tasks of ingests, as what was tried."""


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
    without, because it was made with --corrupt-objects record. In a location's column stands the
    latest version if every version is there, or how many are. "Damaged" counts copies that an
    audit found missing or altered; "Audited" is the day of the oldest audit.
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
            _tell_failure(row)
        if row["damaged"]:
            _tell_damage(row)
    missing = totals["notBackfilled"]
    said = (
        f"{courses(totals['courses'])}: {totals['courses'] - missing} backfilled, {missing} not; "
        f"latest versions: {objects(totals['objects'])}, {size(totals['bytes'])}; "
        f"{totals['stale']} stale"
    )
    if totals["exceptions"]:
        said += f"; {objects(totals['exceptions'])} left out"
    if totals["damaged"]:
        said += f"; {copies(totals['damaged'])} damaged"
    say(said)
    if len(totals["byLocation"]) > 1:
        held = (
            _held(name, count, totals["held"][name]) for name, count in totals["byLocation"].items()
        )
        say(f"Of these courses, with the objects of all versions: {', '.join(held)}")
    tell_left_out(left_out)


def _tell_failure(row: Document) -> None:
    """What failed: the course, or of one that is migrated merely what was done last."""
    course = printable(row["course"]["id"])
    has_failed = row["status"]["id"] == "failed"
    done_last = ATTEMPTS.get(row["lastIngest"]["task"], "ingest")
    what = "failed" if has_failed else f"its last {done_last} failed"
    style = "red" if has_failed else "yellow"
    say(f"{course}: {what}; why: course-backfill failures {course}", style=style)


def _held(location: str, backfilled: int, held: Document) -> str:
    content = f"{objects(held['objects'])}, {size(held['bytes'])}"
    return f"{number(backfilled)} in {location} ({content})"


def _tell_damage(row: Document) -> None:
    """Which copies are damaged, and what a person does about it."""
    course = printable(row["course"]["id"])
    damaged = [one for one in row["replicas"] if one["damaged"]]
    where = ", ".join(f"{number(one['damaged'])} in {one['location']}" for one in damaged)
    say(f"{course}: damaged copies: {where}", style="red")
    for audit in dict.fromkeys(str(one["audit"]) for one in damaged):
        say(f"  each one: course-backfill failures {audit}")
    if any(one["damaged"] > one["beyondRepair"] for one in damaged):
        say(f"  to mend:  course-backfill start {course} --watch")
    else:
        say("  a repair could not mend it: do what its failures advise, then audit again:")
        say(f"  course-backfill audit {course} --watch")


def print_course_rows(rows: list[Document], *, screen: Console | None = None) -> tuple[str, ...]:
    """A row for each course; gives the headings of the columns that there was no room for."""
    columns = _columns(rows)
    names = Column("Course", [printable(row["course"]["id"]) for row in rows])
    totals = [columns[one] for one in ("Version", "Objects", "Size")]
    health = [columns[one] for one in ("Left out", "Damaged", "Source")]
    going = [
        replace(columns[one], may_go=True) for one in ("Audited", "Checked (UTC)", "Last ingest")
    ]
    status, missing = columns["Status"], columns["Not in"]
    locations = list(rows[0]["locations"])
    if len(locations) == 1:
        # Where a course is said to be migrated, it is there.
        return print_rows(names, [status, *totals, *health, *going], screen=screen)
    held = [Column(f"In {one}", [held_in(row, one) for row in rows]) for one in locations]
    short = [replace(column, heading=one) for column, one in zip(held, locations, strict=True)]
    some_totals = [replace(one, may_go=True) for one in totals[1:]]
    return print_rows(
        names,
        [status, *totals, *health, *held, *going],
        [status, *short, *health, *some_totals, *going],
        [status, *totals, *health, missing, *going],
        screen=screen,
    )


def held_in(row: Document, location: str) -> str | Text:
    """The latest version where every version is there; else how many are, or a dash."""
    if row["locations"][location]:
        return str(row["locations"][location])
    there = _versions_in(row, location)
    said = f"{there} of {row['versions']}" if there else "–"
    return _warning(said) if location in row["missing"] else said


def _columns(rows: list[Document]) -> dict[str, Column]:
    found = [
        Column("Status", [status_text(row["status"]["id"]) for row in rows]),
        Column("Version", [row["version"] or "–" for row in rows]),
        Column("Objects", [number(row["objects"]) for row in rows], is_number=True),
        Column("Size", [size(row["bytes"]) for row in rows], is_number=True),
        Column("Left out", [_left_out(row["exceptions"]) for row in rows], is_number=True),
        Column("Damaged", [_damaged(row["damaged"]) for row in rows], is_number=True),
        Column("Source", [_freshness(row["stale"]) for row in rows]),
        Column("Not in", [_warning(_not_in(row)) for row in rows]),
        Column("Audited", _audited(rows)),
        Column("Checked (UTC)", [moment(row["sourceCheckedDate"]) for row in rows]),
        Column("Last ingest", [_last_ingest(row) for row in rows]),
    ]
    return {one.heading: one for one in found}


def _versions_in(row: Document, location: str) -> int:
    there = (one["versions"] for one in row["replicas"] if one["location"] == location)
    return int(next(there, 0))


def _audited(rows: list[Document]) -> list[str]:
    """The day of each course's oldest audit; nothing at all where none was ever audited."""
    oldest = [_oldest_audit(row) for row in rows]
    return oldest if any(one not in {"–", "never"} for one in oldest) else [""] * len(rows)


def _oldest_audit(row: Document) -> str:
    dates = [one["auditedDate"] for one in row["replicas"] if one["versions"]]
    if not dates:
        return "–"
    return min(str(one)[:10] for one in dates) if all(dates) else "never"


def _damaged(count: int) -> str | Text:
    return Text(number(count), style="bold red") if count else ""


def _left_out(count: int | None) -> str | Text:
    return Text(number(count), style="yellow") if count else number(count)


def _not_in(row: Document) -> str:
    lacking = []
    for one in row["missing"]:
        there = _versions_in(row, one)
        lacking.append(f"{one} ({there} of {row['versions']} there)" if there else one)
    return "all" if len(row["missing"]) == len(row["locations"]) else ", ".join(lacking)


def _warning(said: str) -> Text:
    return Text(said, style="yellow")


def _last_ingest(row: Document) -> str | Text:
    last = row["lastIngest"]
    return status_text(last["status"]["id"]) if last else "–"


def _freshness(stale: bool | None) -> str | Text:
    if stale is None:
        return "–"
    return status_text("stale") if stale else "fresh"
