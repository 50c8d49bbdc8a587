"""Commands that tell how ingests stand: status, failures."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from typing import Annotated

import typer
from rich.text import Text

from course_backfill.cli.api_client import ApiClient, Document, ingest_path
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import (
    duration,
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
from course_backfill.cli.selecting import active_ingests, ingest_of

LATEST = 10
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")]


@with_api
def status(
    api: ApiClient,
    *,
    ingest: Annotated[
        str | None, typer.Argument(metavar="INGEST|COURSE", help="Tell about this one alone.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell which ingests are under way and how the latest ones ended, or all about one.

    A stalled ingest is one to which nothing has happened for too long: see that workers run.
    """
    if ingest is not None:
        found = api.get(ingest_path(ingest_of(api, ingest)))
        if as_json:
            print_json(found)
        else:
            _print_ingest(IngestView(found))
        return
    active = [IngestView(one) for one in active_ingests(api)]
    latest = map(IngestView, api.pages("/ingests"))
    ended = list(islice((one for one in latest if one.has_ended), LATEST))
    if as_json:
        print_json(
            {
                "active": [one.document for one in active],
                "ended": [one.document for one in ended],
            }
        )
        return
    _print_active(active)
    if ended:
        say("Latest ends:")
        print_table(
            ["Course", "Ended (UTC)", ""],
            [[one.course, moment(one.document["lastModifiedDate"]), _end(one)] for one in ended],
        )


@with_api
def failures(
    api: ApiClient,
    *,
    ingest: Annotated[
        str, typer.Argument(metavar="INGEST|COURSE", help="A course means its latest ingest.")
    ],
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """List every file that failed in an ingest: what, why, and what to do.

    Example: course-backfill failures course-v1:Org+C+R --csv > failures.csv
    """
    name = ingest_of(api, ingest)
    if as_csv:
        sys.stdout.writelines(api.csv(ingest_path(name, "failures")))
        return
    found = list(api.pages(ingest_path(name, "failures")))
    if as_json:
        print_json(found)
        return
    view = IngestView(api.get(ingest_path(name)))
    say(f"{view.course}: {view.end() if view.has_ended else view.standing()}")
    if found:
        _print_failures(found)
        return
    say("No single file is listed.")
    if view.advice():
        say(f"What to do: {view.advice()}")


def _print_active(active: list[IngestView]) -> None:
    if not active:
        say("No ingest is under way.")
        return
    say(f"{len(active)} under way:")
    print_table(
        ["Course", "Stage", "Objects", "Size", "Left", "Ingest"],
        [
            [
                one.course,
                _stage(one),
                f"{number(one.objects_now)}/{number(one.objects_total)}",
                f"{size(one.bytes_now)}/{size(one.bytes_total)}",
                duration(one.seconds_left),
                one.id,
            ]
            for one in active
        ],
        numbers=["Objects", "Size", "Left"],
    )


def _stage(ingest: IngestView) -> Text:
    if ingest.waiting:
        return Text(ingest.waiting, style="yellow")
    return (
        Text(f"{ingest.stage}, stalled", style="red") if ingest.is_stalled else Text(ingest.stage)
    )


def _end(ingest: IngestView) -> Text:
    return Text(ingest.end(), style=status_text(ingest.status).style)


def _print_ingest(ingest: IngestView) -> None:
    said = ingest.end() if ingest.has_ended else ingest.standing()
    say(f"{ingest.course}: {said}", style="bold")
    for name, value in (
        ("Ingest", ingest.id),
        ("Asked for by", printable(ingest.document["requestedBy"])),
        ("Created (UTC)", moment(ingest.document["createdDate"])),
        ("Stalled", "nothing has happened for long: do workers run?" if ingest.is_stalled else ""),
        ("What to do", ingest.advice()),
        ("Kept until (UTC)", moment(ingest.kept_until) if ingest.kept_until else ""),
    ):
        if value:
            say(f"  {name}: {value}")
    print_table(
        ["Time (UTC)", "Step", "Outcome", "Replica", "What happened"],
        [
            [
                moment(event["createdDate"]),
                event["step"],
                status_text(event["outcome"]),
                event["replica"] or "",
                printable(event["description"]),
            ]
            for event in ingest.document["events"]
        ],
    )
    if ingest.failure_count:
        say(f"{objects(ingest.failure_count)} listed by: course-backfill failures {ingest.id}")


def _print_failures(found: Iterable[Document]) -> None:
    advice: dict[str, str] = {}
    rows: list[list[str | Text]] = []
    for one in found:
        advice[one["code"]] = one["action"]
        style = "yellow" if one["severity"] == "warning" else "red"
        rows.append(
            [
                printable(one.get("path") or "–"),
                Text(one["code"], style=style),
                one["stage"],
                printable(one["detail"]),
            ]
        )
    print_table(["File", "Code", "Stage", "What is wrong"], rows)
    for code, action in advice.items():
        say(f"{code}: {action}")
