"""Commands about messages that no worker could do: dead-letters, redrive."""

from __future__ import annotations

from typing import Annotated

import typer

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.outcomes import Failed
from course_backfill.cli.printing import moment, print_json, printable, say

Service = Annotated[str | None, typer.Option(help="Those of this service.")]
IsRedriven = Annotated[
    bool, typer.Option("--redriven", help="Those that were sent again, when and by whom.")
]
OfIngest = Annotated[str | None, typer.Option("--ingest", help="Those of this ingest.")]


@with_api
def dead_letters(
    api: ApiClient,
    *,
    service: Service = None,
    ingest: OfIngest = None,
    redriven: IsRedriven = False,
    as_json: AsJson = False,
) -> None:
    """List the messages that failed too often, with their last error.

    The ingest of a dead letter has ended as failed, with the same reason.
    """
    state = "redriven" if redriven else "dead"
    found = list(api.pages("/dead-letters", state=state, service=service, ingest=ingest))
    if as_json:
        print_json(found)
    elif not found:
        say("No dead letter was sent again." if redriven else "There are no dead letters.")
    else:
        for one in found:
            _print(one)
        if not redriven:
            say("When the cause is gone: course-backfill redrive ID, or start the courses again.")


@with_api
def redrive(
    api: ApiClient,
    *,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Dead letters, one by one.")
    ] = None,
    service: Service = None,
    ingest: OfIngest = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again, when what made them fail is gone.

    Exits with 1 if any of them could not be sent, or was sent to no effect because its ingest has
    ended: start that course again instead.

    Example: course-backfill redrive --service replicator
    """
    if bool(ids) + (service is not None) + (ingest is not None) != 1:
        raise typer.BadParameter("name dead letters, or one of --service and --ingest")
    wanted: Document = {"ids": ids} if ids else {"service": service} if service else {}
    done = api.post("/dead-letters/redrive", wanted or {"ingest": ingest})["results"]
    counting = sum(one["sent"] and one["counts"] for one in done)
    if as_json:
        print_json(done)
    else:
        for one in done:
            say(f"{printable(one['id'])}: {printable(one['description'])}")
        say(f"{counting} of {len(done)} sent again." if done else "There are none of these.")
    if counting < len(done):
        raise Failed("Not every one of them could be sent to any effect: see above.")


def _print(letter: Document) -> None:
    say(printable(letter["id"]), style="bold")
    say(
        f"  {letter['service']}, {letter['receives']} receives, the last at "
        f"{moment(letter['lastDate'])} UTC, ingest {printable(letter['ingest'] or '–')}"
    )
    say(f"  {printable(letter['error'])}")
    if letter["redrivenBy"]:
        by, date = printable(letter["redrivenBy"]), moment(letter["redrivenDate"])
        say(f"  sent again at {date} UTC, asked for by {by}")
