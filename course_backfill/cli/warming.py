"""The command that has cold copies restored, or restored faster: warm."""

from __future__ import annotations

from typing import Annotated

import typer

from course_backfill.cli.api_client import ApiClient, Document, ingest_path
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.copy_sentences import WARM
from course_backfill.cli.following import follow, follow_starts, start_all
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.options import (
    Days,
    InLocations,
    MaxCost,
    TierOption,
    Version,
    Watch,
    restore_of,
)
from course_backfill.cli.printing import print_json, say
from course_backfill.cli.selecting import is_course, warming_ingest_of
from course_backfill.cli.starts import Starts
from course_backfill.cold.storage import Tier


@with_api
def warm(
    api: ApiClient,
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="COURSE|INGEST", help="A course; or an ingest that waits for restores."
        ),
    ],
    version: Version = None,
    location: InLocations = None,
    tier: TierOption = None,
    days: Days = None,
    max_cost: MaxCost = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what is cold, and hours and cost by tier.")
    ] = False,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Have what has gone cold of a course restored, so that it can be read for some days.

    Of the latest version unless --version names another, in the primary unless --location names
    others. With --tier and an ingest that waits for restores already, or its course, has these
    restored faster; S3 charges for that again.

    Examples:

      course-backfill warm course-v1:Org+C+R --days 14 --watch

      course-backfill warm course-v1:Org+C+R --version v1 --dry-run

      course-backfill warm course-v1:Org+C+R --tier Expedited
    """
    waiting = warming_ingest_of(api, name)
    if waiting is not None and tier is not None:
        if version or location or days or max_cost is not None or dry_run:
            raise typer.BadParameter(
                f"ingest {waiting} waits for restores already: only --tier can be changed"
            )
        _raise_tier(api, waiting, tier, watch=watch, as_json=as_json)
        return
    if not is_course(name):
        raise typer.BadParameter(
            f"{name} is no course; to have the restores of an ingest done faster, say --tier"
        )
    wanted: Document = {
        "type": "Ingest",
        "ingestType": {"id": WARM},
        "dryRun": dry_run,
        **({"version": version} if version else {}),
        **({"locations": location} if location else {}),
        **restore_of(tier, days, max_cost),
    }
    _start(Starts(api=api, wanted=wanted, is_waiting=watch), name, as_json=as_json)


def _start(starts: Starts, course: str, *, as_json: bool) -> None:
    start_all(starts, [course])
    if starts.is_waiting or starts.wanted["dryRun"]:
        follow_starts(starts, as_json=as_json)
    else:
        for ingest in starts.ingests:
            _tell(starts.api.get(ingest_path(ingest)), as_json=as_json)
    raise typer.Exit(starts.code)


def _raise_tier(api: ApiClient, ingest: str, tier: Tier, *, watch: bool, as_json: bool) -> None:
    raised = api.post(ingest_path(ingest, "restore-tier"), {"tier": tier.value})
    if watch:
        follow(api, [ingest], as_json=as_json)
    elif as_json:
        print_json(raised)
    else:
        view = IngestView(raised)
        say(f"{view.course}: what ingest {ingest} waits for is restored with tier {tier.value}")
        say(f"Follow it: course-backfill watch {ingest}")


def _tell(ingest: Document, *, as_json: bool) -> None:
    if as_json:
        print_json(ingest)
        return
    view = IngestView(ingest)
    say(f"{view.course}: {view.end() if view.has_ended else view.standing()}")
    say(f"Follow it: course-backfill watch {view.id}")
