"""Commands that tell how ingests stand: status, failures."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Annotated

import typer
from rich.text import Text

from course_backfill.cli.api_client import ApiClient, Document, ingest_path
from course_backfill.cli.connection import AsCsv, AsJson, with_api
from course_backfill.cli.failure_lists import print_failures
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import (
    moment,
    objects,
    print_json,
    print_table,
    printable,
    say,
    say_text,
    status_text,
)
from course_backfill.cli.replicas import print_replicas
from course_backfill.cli.selecting import active_ingests, ingest_of

LATEST = 10
LATEST_BEGUN = 100
"""Among so many of the ingests that began last the latest ends are looked for."""


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
    ended = _latest_ends(api)
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
        say("Latest ends, the newest last:")
        for one in reversed(ended):
            _print_end(one)


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
    """List every file that failed in an ingest: what, why, what became of it, and what to do.

    After a dry run these are the files that an ingest would meet.

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
        print_failures(found, view)
    else:
        say("No single file is listed.")
    advice = view.way_on() if found else view.advice()
    if advice:
        say(f"What to do: {advice}" if not found else advice)


def _latest_ends(api: ApiClient) -> list[IngestView]:
    """The newest first, of the ingests that began last."""
    latest = map(IngestView, api.pages("/ingests"))
    ended = islice((one for one in latest if one.has_ended), LATEST_BEGUN)
    return sorted(ended, key=lambda one: one.ended_date, reverse=True)[:LATEST]


def _print_active(active: list[IngestView]) -> None:
    if not active:
        say("No ingest is under way.")
        return
    say(f"{len(active)} under way:")
    for one in active:
        said = Text(f"{one.course}: {one.standing()}")
        if one.is_stalled:
            said.append("; stalled: nothing has happened for long. Do workers run?", style="red")
        say_text(said)
        say(f"  ingest {one.id}")


def _print_end(ingest: IngestView) -> None:
    said = Text(f"{moment(ingest.ended_date)}  {ingest.course}: ")
    said.append(ingest.end(), style=status_text(ingest.ended_as).style)
    say_text(said)
    say(f"  ingest {ingest.id}")


def _print_ingest(ingest: IngestView) -> None:
    said = ingest.end() if ingest.has_ended else ingest.standing()
    say(f"{ingest.course}: {said}", style="bold")
    for name, value in (
        ("Ingest", ingest.id),
        ("Asked for by", printable(ingest.document["requestedBy"])),
        ("Created (UTC)", moment(ingest.document["createdDate"])),
        ("Ended (UTC)", moment(ingest.ended_date) if ingest.has_ended else ""),
        ("Mends the findings of", ingest.document["repairs"] or ""),
        ("Stalled", "nothing has happened for long: do workers run?" if ingest.is_stalled else ""),
        ("What to do", ingest.advice()),
    ):
        if value:
            say(f"  {name}: {value}")
    print_replicas(ingest)
    print_table(
        ["Time (UTC)", "Step", "Outcome", "Replica", "What happened"],
        [
            [
                moment(event["createdDate"]),
                event["step"],
                status_text(event["outcome"]),
                event["replica"] or "",
                _happened(event),
            ]
            for event in ingest.document["events"]
        ],
    )
    if ingest.failure_count:
        say(f"{objects(ingest.failure_count)} listed by: course-backfill failures {ingest.id}")


def _happened(event: Document) -> str:
    """`Cancel accepted, asked for by ops`: what a person had done says who that was."""
    by = event["requestedBy"]
    return printable(event["description"] + (f", asked for by {by}" if by else ""))
