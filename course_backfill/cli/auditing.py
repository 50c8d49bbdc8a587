"""The command that looks whether every copy is still what was registered: audit."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from course_backfill.audits import Method
from course_backfill.cli.api_client import ApiClient, Document, ingest_path
from course_backfill.cli.audit_findings import Damage, print_findings
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.copy_sentences import AUDIT
from course_backfill.cli.following import exit_code, start_all, watch_to_end
from course_backfill.cli.options import Days, InLocations, MaxCost, TierOption, Watch, restore_of
from course_backfill.cli.printing import courses as count_courses
from course_backfill.cli.printing import print_json, say, some_of
from course_backfill.cli.selecting import registered_courses
from course_backfill.cli.starts import Starts


@with_api
def audit(
    api: ApiClient,
    *,
    courses: Annotated[
        list[str] | None, typer.Argument(metavar="COURSE", help="Ids of courses.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every course that is migrated.")] = False,
    location: InLocations = None,
    method: Annotated[
        Method,
        typer.Option(help="bytes: read every copy; checksums: trust those that S3 stored."),
    ] = "bytes",
    warm: Annotated[
        bool, typer.Option("--warm", help="Restore what is cold, to read it; that costs.")
    ] = False,
    tier: TierOption = None,
    days: Days = None,
    max_cost: MaxCost = None,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Compare every copy of every version with what was registered, in all locations.

    Finds what is missing, altered or too much; changes nothing. What is cold stays unread, and is
    counted, unless --warm has it restored. With --watch, exits with 1 if anything is damaged; the
    next course-backfill start of that course mends it from a good copy.

    Examples:

      course-backfill audit course-v1:Org+C+R --watch

      course-backfill audit --all --location archive --method checksums
    """
    if bool(courses) == every:
        raise typer.BadParameter("name courses, or say --all")
    chosen = list(dict.fromkeys(courses or [])) or _choose_all(api, location or [], quiet=as_json)
    if not chosen and not as_json:
        return
    restore = restore_of(tier, days, max_cost)
    if restore and not warm:
        raise typer.BadParameter("--tier, --days and --max-cost belong to --warm")
    wanted: Document = {
        "type": "Ingest",
        "ingestType": {"id": AUDIT},
        "method": method,
        "warm": warm,
        **restore,
    }
    if location:
        wanted["locations"] = location
    starts = Starts(api=api, wanted=wanted, is_told=not (watch or as_json), is_waiting=watch)
    start_all(starts, chosen)
    if watch:
        _follow(starts, as_json=as_json)
    elif as_json:
        print_json([api.get(ingest_path(one)) for one in starts.ingests])
    else:
        _tell(len(starts.ingests))
    raise typer.Exit(starts.code)


def _choose_all(api: ApiClient, locations: list[str], *, quiet: bool) -> list[str]:
    found = registered_courses(api, locations)
    if not quiet:
        if found.elsewhere:
            where = " or ".join(locations)
            what = f"{count_courses(len(found.elsewhere))} without a version in {where}"
            say(f"{what}, nothing to audit: {some_of(found.elsewhere)}")
        elif not found.there:
            say("No course is migrated yet: course-backfill start --all-missing begins.")
    return found.there


def _tell(count: int) -> None:
    if count:
        say(f"{count_courses(count)} being audited.")
        say("Follow: course-backfill watch. What it finds: course-backfill report")


def _follow(starts: Starts, *, as_json: bool) -> None:
    ends = watch_to_end(starts, as_json=as_json)
    if as_json:
        print_json([end.document for end in ends])
    elif ends:
        print_findings(ends, partial(Damage.read, starts.api))
    raise typer.Exit(exit_code(ends, starts))
