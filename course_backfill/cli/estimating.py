"""The command that tells what a backfill takes: estimate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.bills import not_in_the_bill, print_bill, print_lines
from course_backfill.cli.connection import AsJson, DataDir, Token, Url, open_api
from course_backfill.cli.copy_sentences import BACKFILL
from course_backfill.cli.following import exit_code, start_all, watch_to_end
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.options import AllMissing, FromLocation, ToLocations
from course_backfill.cli.printing import print_json, printable, remark, say
from course_backfill.cli.selecting import missing_courses
from course_backfill.cli.starts import Starts
from course_backfill.errors import InvalidInput, Problem
from course_backfill.estimation.calculation import together
from course_backfill.estimation.estimates import Estimate
from course_backfill.local.client_file import DEFAULT_DATA_DIR
from course_backfill.settings import Settings

PLAN = "A plan without data"
NOTHING_TO_START = "No course is to be started: course-backfill report shows all that are known."
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "pb": 10**15}


def bytes_of(text: str) -> int:
    """`1TB`, `1.5 GB` or a plain number of bytes; raises BadParameter."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if found is None or found[2] not in _UNITS:
        raise typer.BadParameter(f"{text} is no size: say 1TB, 500GB, or a number of bytes")
    return int(float(found[1]) * _UNITS[found[2]])


PlannedBytes = Annotated[
    int | None,
    typer.Option(
        "--bytes",
        parser=bytes_of,
        metavar="SIZE",
        help="Likewise: 1TB, 500GB.",
        rich_help_panel=PLAN,
    ),
]


def estimate(
    *,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="COURSE", help="Ids of courses.")
    ] = None,
    all_missing: AllMissing = False,
    source: FromLocation = None,
    location: ToLocations = None,
    objects: Annotated[
        int | None, typer.Option(min=0, help="Of all courses together.", rich_help_panel=PLAN)
    ] = None,
    size: PlannedBytes = None,
    courses: Annotated[
        int | None, typer.Option(min=1, help="Default: 1.", rich_help_panel=PLAN)
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print every line of the bill, and the formula.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Tell how long backfilling takes and what it costs.

    Of courses by a dry run of each, which reads inventories and copies nothing. With --objects and
    --bytes of a plan, by the settings on this machine.

    Examples:

      course-backfill estimate --all-missing

      course-backfill estimate --courses 5000 --objects 50000000 --bytes 1TB --explain
    """
    is_plan = any(one is not None for one in (objects, size, courses))
    if (bool(names) + all_missing + is_plan) != 1:
        raise typer.BadParameter("name courses, or say --all-missing, or --objects and --bytes")
    if is_plan:
        found, code = _planned((courses or 1, objects, size), source, location or []), 0
        notes: list[str] = []
    else:
        with open_api(url, token, data_dir) as api:
            chosen = list(dict.fromkeys(names or [])) or _missing(api, source, location or [])
            ends, code = _dry_runs(api, chosen, source, location or [], as_json=as_json)
        reports = list(_estimated(ends))
        found, notes = _together(reports), list(not_in_the_bill(reports))
        if not chosen:
            notes.append(NOTHING_TO_START)
        elif not reports and not as_json:
            raise typer.Exit(code)  # All that there is to say was said of each course.
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
    else:
        _tell(found, notes, explain=explain)
    raise typer.Exit(code)


def _tell(found: Estimate, notes: list[str], *, explain: bool) -> None:
    print_bill(found)
    for note in notes:
        say(note)
    if explain:
        print_lines(found)


def _planned(
    plan: tuple[int, int | None, int | None], source: str | None, named: Sequence[str]
) -> Estimate:
    """By the settings alone, into every required location and those that are named."""
    courses, objects, size = plan
    from course_backfill.estimation.estimator import Estimator
    from course_backfill.estimation.workloads import assumed_workload

    if objects is None or size is None:
        raise typer.BadParameter("a plan needs both --objects and --bytes")
    settings = Settings.load()
    known = {one.id for one in settings.locations}
    unknown = [one for one in [*named, *([source] if source else [])] if one not in known]
    if unknown:
        there = ", ".join(one.id for one in settings.locations)
        detail = f"no {', '.join(unknown)}; the settings have {there}"
        raise InvalidInput(Problem("--from" if source in unknown else "--location", detail))
    work = assumed_workload(
        courses=courses, objects=objects, size=size, rates=settings.estimate_rates
    )
    required = [one.id for one in settings.locations if one.required]
    if source is None:
        return Estimator(settings).backfill(work, list(dict.fromkeys([*required, *named])))
    brought = {one: work for one in named or required if one != source}
    return Estimator(settings).copies(source, brought)


def _missing(api: ApiClient, source: str | None, locations: list[str]) -> list[str]:
    return missing_courses(api, is_copied=source is not None, locations=locations).to_start


def _dry_runs(
    api: ApiClient,
    courses: Sequence[str],
    source: str | None,
    locations: list[str],
    *,
    as_json: bool,
) -> tuple[list[IngestView], int]:
    """How the dry runs of all of them ended, and the exit code."""
    wanted: Document = {
        "type": "Ingest",
        "ingestType": {"id": BACKFILL},
        "dryRun": True,
        **({"locations": locations} if locations else {}),
    }
    if source is None:
        # A bad file is for the dry run to tell: of all others there is an estimate.
        wanted["corruptObjects"] = "record"
    else:
        wanted["sourceLocation"] = {"provider": {"id": "amazon-s3"}, "id": source}
    starts = Starts(api=api, wanted=wanted)
    start_all(starts, courses)
    ends = watch_to_end(starts, as_json=as_json)
    return ends, exit_code(ends, starts)


def _estimated(ends: Sequence[IngestView]) -> Iterator[Document]:
    """The reports that have an estimate; says whose has none."""
    for end in ends:
        report = end.document["report"] or {}
        if report.get("estimate"):
            yield report
        else:
            remark(
                f"{printable(end.course)}: not counted, see course-backfill status {end.id}",
                style="yellow",
            )


def _together(reports: Sequence[Document]) -> Estimate:
    """What all of them take; a course without work counts as a course all the same."""
    found = [Estimate.model_validate(one["estimate"]) for one in reports]
    workers = max((one.workers for one in found), default=1)
    currency = found[0].currency if found else Settings.load().currency
    whole = together(found, workers=workers, currency=currency)
    counted = whole.workload.model_copy(update={"courses": len(found)})
    return whole.model_copy(update={"workload": counted})
