"""Starting ingests and following them to their end, for every command that does so."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import typer

from course_backfill.cli.api_client import ApiClient, ApiError, Document
from course_backfill.cli.displays import display_for
from course_backfill.cli.dry_runs import print_report
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.outcomes import FAILED, INTERRUPTED, SUCCEEDED, WRONG_USE
from course_backfill.cli.printing import print_json, printable, remark, say
from course_backfill.cli.summaries import summary
from course_backfill.cli.watching import Watcher

CONFLICT = 409


@dataclass(slots=True)
class Started:
    """The ingests that run now, and the courses that could not be started."""

    ingests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    busy: int = 0
    """How many of the ingests had been running already."""


def start_courses(
    api: ApiClient, courses: Sequence[str], wanted: Document, *, is_told: bool
) -> Started:
    """Starts each course; one that cannot be started does not keep the others from it.

    Says which are refused or running already; and which are accepted, if `is_told`.
    """
    invocation = uuid.uuid4().hex
    started = Started()
    for course in courses:
        body = {**wanted, "course": {"id": course}}
        try:
            ingest = api.post("/ingests", body, key=f"{invocation}-{course}")
        except ApiError as error:
            active = (error.problem.get("ingest") or {}).get("id")
            if error.status == CONFLICT and active:
                remark(f"{printable(course)}: already running as ingest {active}")
                started.ingests.append(active)
                started.busy += 1
                continue
            reason = str(error).removeprefix("COURSE: ")
            remark(f"{printable(course)}: {reason}", style="red")
            started.refused.append(course)
        else:
            started.ingests.append(str(ingest["id"]))
            if is_told:
                remark(f"{printable(course)}: accepted as ingest {ingest['id']}")
    return started


def follow(api: ApiClient, ingests: Sequence[str], *, as_json: bool, refused: int = 0) -> None:
    """Watches to the end; raises Exit with what became of them.

    `refused` counts the courses that could not even be started.
    """
    ends = watch_to_end(api, ingests, as_json=as_json)
    if as_json:
        print_json([end.document for end in ends])
    else:
        for end in ends:
            if end.is_dry_run and end.status == "succeeded":
                print_report(end)
        if len(ends) + refused > 1:
            say("")
            say(summary(ends, refused=refused))
    if code := exit_code(ends, refused=refused):
        raise typer.Exit(code)


def watch_to_end(api: ApiClient, ingests: Sequence[str], *, as_json: bool) -> list[IngestView]:
    """The ingests as they ended; Ctrl-C ends the watching alone, by raising Exit."""
    try:
        with display_for(quiet=as_json) as display:
            return Watcher(api, display).watch(ingests)
    except KeyboardInterrupt:
        remark("No longer watching. The ingests go on: course-backfill watch shows them again.")
        raise typer.Exit(INTERRUPTED) from None


def exit_code(ends: Sequence[IngestView], *, refused: int) -> int:
    """What became of them all, the courses that could not even be started among them."""
    if any(end.went_wrong for end in ends):
        return FAILED
    return WRONG_USE if refused else SUCCEEDED
