"""Commands that set ingests going and follow them: start, watch, cancel, retry."""

from __future__ import annotations

from typing import Annotated

import typer

from course_backfill.cli.api_client import ApiClient, Document, ingest_path
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.copy_sentences import BACKFILL, remains_of
from course_backfill.cli.following import follow, follow_starts, start_all
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.options import (
    AllMissing,
    CorruptObjects,
    Days,
    DryRun,
    FailOrNot,
    FromLocation,
    KeepOrNot,
    MaxCost,
    OnFailure,
    ReadSource,
    TierOption,
    ToLocations,
    Watch,
    restore_of,
)
from course_backfill.cli.printing import courses as count_courses
from course_backfill.cli.printing import print_json, say
from course_backfill.cli.selecting import active_ingests, ingest_of, kept_ingest_of, missing_courses
from course_backfill.cli.starts import Starts
from course_backfill.cli.summaries import counted


@with_api
def start(
    api: ApiClient,
    *,
    courses: Annotated[
        list[str] | None, typer.Argument(metavar="COURSE", help="Ids of courses.")
    ] = None,
    all_missing: AllMissing = False,
    source: FromLocation = None,
    location: ToLocations = None,
    dry_run: DryRun = False,
    read_source: ReadSource = False,
    on_failure: KeepOrNot = OnFailure.ROLLBACK,
    corrupt_objects: FailOrNot = CorruptObjects.FAIL,
    tier: TierOption = None,
    days: Days = None,
    max_cost: MaxCost = None,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Backfill courses; what an audit found damaged in one of them is mended first.

    The ingests run in the workers, not in this command: it may be interrupted at any time.

    Examples:

      course-backfill start course-v1:OpenedX+DemoX+DemoCourse --dry-run

      course-backfill start --all-missing --watch

      course-backfill start --all-missing --from primary --location archive --dry-run
    """
    if bool(courses) == all_missing:
        both = ", not both" if courses else ": course-backfill report names those there are"
        raise typer.BadParameter(f"name courses, or say --all-missing{both}")
    wanted = _wanted(
        source=source,
        locations=location,
        dry_run=dry_run,
        read_source=read_source,
        on_failure=on_failure,
        corrupt_objects=corrupt_objects,
    )
    wanted |= restore_of(tier, days, max_cost)
    chosen = list(dict.fromkeys(courses or [])) or _choose_missing(
        api, is_copied=source is not None, locations=location or [], quiet=as_json
    )
    is_quiet = watch or dry_run or as_json
    starts = Starts(api=api, wanted=wanted, is_told=not is_quiet, is_waiting=watch)
    start_all(starts, chosen)
    # A dry run is its report: there is nothing else to be had from it.
    if watch or dry_run:
        follow_starts(starts, as_json=as_json)
    elif as_json:
        print_json([api.get(ingest_path(one)) for one in starts.ingests])
    else:
        _tell_started(starts)
    raise typer.Exit(starts.code)


@with_api
def watch(
    api: ApiClient,
    *,
    ingests: Annotated[
        list[str] | None,
        typer.Argument(metavar="INGEST|COURSE", help="Default: all that are under way."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Follow ingests until they have ended: objects, bytes, rate, time left, stage.

    Exits with 1 if any of them failed or was cancelled.
    """
    chosen = [ingest_of(api, one) for one in ingests or []]
    chosen = chosen or [str(one["id"]) for one in active_ingests(api)]
    if not chosen and not as_json:
        say("No ingest is under way. course-backfill status shows the latest ones.")
        return
    follow(api, chosen, as_json=as_json)


@with_api
def cancel(
    api: ApiClient,
    *,
    ingest: Annotated[str, typer.Argument(metavar="INGEST|COURSE", help="What to stop.")],
    as_json: AsJson = False,
) -> None:
    """Cancel an ingest: whatever it copied is removed again.

    A failure that was kept is cancelled like an ingest that runs. Asking twice does no harm.
    """
    ended = _act(api, ingest_of(api, ingest), "cancel")
    if as_json:
        print_json(ended.document)
    elif ended.has_ended:
        say(f"{ended.course}: ingest {ended.id} is cancelled; {remains_of(ended.document)}")
    else:
        say(f"{ended.course}: ingest {ended.id} is being cancelled; what it copied is removed")


@with_api
def retry(
    api: ApiClient,
    *,
    ingest: Annotated[str, typer.Argument(metavar="INGEST|COURSE", help="The kept failure.")],
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a failed ingest that was started with --on-failure keep.

    Only what was not finished is done again.
    """
    again = _act(api, kept_ingest_of(api, ingest), "retry")
    if watch:
        follow(api, [again.id], as_json=as_json)
    elif as_json:
        print_json(again.document)
    else:
        say(f"{again.course}: ingest {again.id} goes on from where it failed")
        say(f"Follow it: course-backfill watch {again.id}")


def _wanted(
    *,
    source: str | None,
    locations: list[str] | None,
    dry_run: bool,
    read_source: bool,
    on_failure: OnFailure,
    corrupt_objects: CorruptObjects,
) -> Document:
    """The request but for its course; raises BadParameter for options that exclude each other."""
    if read_source and not dry_run:
        raise typer.BadParameter("--read-source belongs to --dry-run")
    if source and (read_source or corrupt_objects is not CorruptObjects.FAIL):
        raise typer.BadParameter(
            "--read-source and --corrupt-objects are about MongoDB, which --from does not read"
        )
    wanted: Document = {
        "type": "Ingest",
        "ingestType": {"id": BACKFILL},
        "dryRun": dry_run,
        "onFailure": on_failure.value,
    }
    if source:
        wanted["sourceLocation"] = {"provider": {"id": "amazon-s3"}, "id": source}
    else:
        wanted["corruptObjects"] = corrupt_objects.value
    if read_source:
        wanted["readSource"] = True
    if locations:
        wanted["locations"] = locations
    return wanted


def _choose_missing(
    api: ApiClient, *, is_copied: bool, locations: list[str], quiet: bool
) -> list[str]:
    missing = missing_courses(api, is_copied=is_copied, locations=locations)
    if not quiet:
        if missing.up_to_date:
            there = "there already" if is_copied or locations else "migrated and fresh"
            say(f"{count_courses(missing.up_to_date)} {there}: nothing to do.")
        if missing.to_start:
            say(f"{count_courses(len(missing.to_start))} to start.")
        elif not missing.up_to_date and is_copied:
            say("No course is migrated yet: course-backfill start --all-missing, without --from.")
        elif not missing.up_to_date:
            say("No course is known yet: course-backfill discover finds them.")
    return missing.to_start


def _tell_started(starts: Starts) -> None:
    count, refused = len(starts.ingests), len(starts.refusals)
    if count + refused > 1:
        counts = {"started": count - starts.busy, "running already": starts.busy}
        say(counted({**counts, "refused": refused}))
    if count:
        say(f"Follow {'it' if count == 1 else 'them'}: course-backfill watch")


def _act(api: ApiClient, ingest: str, verb: str) -> IngestView:
    return IngestView(api.post(ingest_path(ingest, verb)))
