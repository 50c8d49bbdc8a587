"""Commands that set ingests going and follow them: start, watch, cancel, retry."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import typer

from course_backfill.cli.api_client import ApiClient, ApiError, Document, ingest_path
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.displays import display_for
from course_backfill.cli.dry_runs import print_report
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.outcomes import FAILED, INTERRUPTED, SUCCEEDED, WRONG_USE
from course_backfill.cli.printing import courses as count_courses
from course_backfill.cli.printing import print_json, printable, remark, say
from course_backfill.cli.selecting import active_ingests, ingest_of, missing_courses
from course_backfill.cli.watching import Watcher

CONFLICT = 409


class OnFailure(StrEnum):
    """What becomes of the copies of a failed ingest."""

    ROLLBACK = "rollback"
    KEEP = "keep"


class CorruptObjects(StrEnum):
    """What a bad object of the source does to its ingest."""

    FAIL = "fail"
    RECORD = "record"


@with_api
def start(
    api: ApiClient,
    *,
    courses: Annotated[
        list[str] | None, typer.Argument(metavar="COURSE", help="Ids of courses.")
    ] = None,
    all_missing: Annotated[
        bool,
        typer.Option("--all-missing", help="Every course that is not migrated, or is stale."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what an ingest would meet; copy nothing.")
    ] = False,
    read_source: Annotated[
        bool,
        typer.Option("--read-source", help="With --dry-run: read every byte, to find all faults."),
    ] = False,
    on_failure: Annotated[
        OnFailure,
        typer.Option(help="keep: what was copied waits for course-backfill retry."),
    ] = OnFailure.ROLLBACK,
    corrupt_objects: Annotated[
        CorruptObjects,
        typer.Option(help="record: copy the rest, and list the bad files as exceptions."),
    ] = CorruptObjects.FAIL,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Follow the ingests until all have ended.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Backfill courses.

    The ingests run in the workers, not in this command: it may be interrupted at any time.

    Examples:

      course-backfill start course-v1:OpenedX+DemoX+DemoCourse --dry-run

      course-backfill start --all-missing --watch
    """
    if bool(courses) == all_missing:
        raise typer.BadParameter("name courses, or say --all-missing")
    if read_source and not dry_run:
        raise typer.BadParameter("--read-source belongs to --dry-run")
    chosen = list(dict.fromkeys(courses or [])) or _choose_missing(api, quiet=as_json)
    wanted: Document = {
        "type": "Ingest",
        "ingestType": {"id": "backfill-course"},
        "dryRun": dry_run,
        "onFailure": on_failure.value,
        "corruptObjects": corrupt_objects.value,
    }
    if dry_run:
        wanted["readSource"] = read_source
    started = _post_all(api, chosen, wanted)
    # A dry run is its report: there is nothing else to be had from it.
    if watch or dry_run:
        _follow(api, started.ingests, as_json=as_json, refused=bool(started.refused))
    elif as_json:
        print_json([api.get(ingest_path(one)) for one in started.ingests])
    elif started.ingests:
        say(f"Follow {'it' if len(started.ingests) == 1 else 'them'}: course-backfill watch")
    raise typer.Exit(WRONG_USE if started.refused else SUCCEEDED)


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
    chosen = [ingest_of(api, one) for one in ingests or []] or list(active_ingests(api))
    if not chosen and not as_json:
        say("No ingest is under way. course-backfill status shows the latest ones.")
        return
    _follow(api, chosen, as_json=as_json)


@with_api
def cancel(
    api: ApiClient,
    *,
    ingest: Annotated[str, typer.Argument(metavar="INGEST|COURSE", help="What to stop.")],
    as_json: AsJson = False,
) -> None:
    """Cancel an ingest: whatever it copied is removed again."""
    _act(api, ingest, "cancel", "is being cancelled; what it copied is removed", as_json)


@with_api
def retry(
    api: ApiClient,
    *,
    ingest: Annotated[str, typer.Argument(metavar="INGEST|COURSE", help="The kept failure.")],
    as_json: AsJson = False,
) -> None:
    """Go on with a failed ingest that was started with --on-failure keep.

    Only what was not finished is done again. Follow it with: course-backfill watch.
    """
    _act(api, ingest, "retry", "goes on from where it failed", as_json)


@dataclass(slots=True)
class _Started:
    ingests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def _choose_missing(api: ApiClient, *, quiet: bool) -> list[str]:
    missing = missing_courses(api)
    if not quiet:
        done = f"{count_courses(missing.up_to_date)} migrated and fresh: nothing to do."
        say(done if missing.up_to_date or missing.to_start else _no_course())
        if missing.to_start:
            say(f"{count_courses(len(missing.to_start))} to start.")
    return missing.to_start


def _no_course() -> str:
    return "No course is known yet: course-backfill discover finds them."


def _post_all(api: ApiClient, courses: Sequence[str], wanted: Document) -> _Started:
    """Starts each course; one that cannot be started does not keep the others from it."""
    invocation = uuid.uuid4().hex
    started = _Started()
    for course in courses:
        body = wanted | {"course": {"id": course}}
        try:
            ingest = api.post("/ingests", body, key=f"{invocation}-{course}")
        except ApiError as error:
            active = (error.problem.get("ingest") or {}).get("id")
            if error.status == CONFLICT and active:
                remark(f"{printable(course)}: already running as ingest {active}")
                started.ingests.append(active)
                continue
            remark(f"{printable(course)}: {error}", style="red")
            started.refused.append(course)
        else:
            started.ingests.append(str(ingest["id"]))
            remark(f"{printable(course)}: accepted as ingest {ingest['id']}")
    return started


def _follow(
    api: ApiClient, ingests: Sequence[str], *, as_json: bool, refused: bool = False
) -> None:
    """Watches to the end; raises Exit with what became of them."""
    try:
        with display_for(quiet=as_json) as display:
            ends = Watcher(api, display).watch(ingests)
    except KeyboardInterrupt:
        remark("No longer watching. The ingests go on: course-backfill watch shows them again.")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json([end.document for end in ends])
    else:
        for end in ends:
            if end.is_dry_run and end.status == "succeeded":
                print_report(end)
    if any(_went_wrong(end) for end in ends):
        raise typer.Exit(FAILED)
    if refused:
        raise typer.Exit(WRONG_USE)


def _went_wrong(end: IngestView) -> bool:
    would_fail = bool((end.document.get("report") or {}).get("wouldFail"))
    return end.status != "succeeded" or would_fail


def _act(api: ApiClient, name: str, verb: str, said: str, as_json: bool) -> None:
    ingest = api.post(ingest_path(ingest_of(api, name), verb))
    if as_json:
        print_json(ingest)
    else:
        say(f"{IngestView(ingest).course}: ingest {ingest['id']} {said}")
