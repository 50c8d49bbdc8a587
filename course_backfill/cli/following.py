"""Following ingests to their end, for every command that does so."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from course_backfill.cli.api_client import ApiClient, ApiError
from course_backfill.cli.client_credentials import CLIENT_ID, CLIENT_SECRET, TOKEN_URL
from course_backfill.cli.displays import display_for
from course_backfill.cli.dry_runs import print_report
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.outcomes import FAILED, INTERRUPTED
from course_backfill.cli.printing import number, print_json, remark, say, some_of
from course_backfill.cli.starts import Starts
from course_backfill.cli.summaries import summary
from course_backfill.cli.watching import Watcher


def follow(api: ApiClient, ingests: Sequence[str], *, as_json: bool) -> None:
    """Watches to the end; raises Exit with what became of them."""
    follow_starts(Starts(api=api, wanted={}, ingests=list(ingests)), as_json=as_json)


def start_all(starts: Starts, courses: Sequence[str]) -> None:
    """Starts the courses; Ctrl-C names those that were not started, and raises Exit."""
    try:
        starts.start(courses)
    except KeyboardInterrupt:
        begun = f"{number(len(starts.ingests))} started"
        remark(f"Interrupted: {begun}, {number(len(starts.not_started))} not. What runs goes on.")
        _name_not_started(starts)
        raise typer.Exit(INTERRUPTED) from None
    except ApiError as error:
        raise _not_let_in(starts, error) from None


def follow_starts(starts: Starts, *, as_json: bool) -> None:
    """Watches what was started to the end; raises Exit with what became of all courses."""
    ends = watch_to_end(starts, as_json=as_json)
    if as_json:
        print_json([end.document for end in ends])
    else:
        for end in ends:
            if end.is_dry_run and end.status == "succeeded":
                print_report(end)
        refused = len(starts.refusals)
        if len(ends) + refused > 1:
            say("")
            say(summary(ends, refused=refused))
    if code := exit_code(ends, starts):
        raise typer.Exit(code)


def watch_to_end(starts: Starts, *, as_json: bool) -> list[IngestView]:
    """The ingests as they ended, what merely held a course left out.

    Ctrl-C ends the watching alone, by raising Exit.
    """
    try:
        with display_for(quiet=as_json) as display:
            ends = Watcher(starts.api, display).watch(starts.watched, then=starts.go_on)
    except KeyboardInterrupt:
        remark("No longer watching. The ingests go on: course-backfill watch shows them again.")
        _name_not_started(starts)
        raise typer.Exit(INTERRUPTED) from None
    except ApiError as error:
        raise _not_let_in(starts, error) from None
    return [end for end in ends if end.id in starts.ingests]


def exit_code(ends: Sequence[IngestView], starts: Starts) -> int:
    """What became of them all, the courses that could not even be started among them."""
    return FAILED if any(end.went_wrong for end in ends) else starts.code


def _not_let_in(starts: Starts, error: ApiError) -> Exception:
    """The end of a command whose token is over, told with what goes on; else the error itself."""
    if not starts.api.is_over(error):
        return error
    remark("The API no longer accepts this token: it is over. What was started goes on.", "red")
    _name_not_started(starts)
    if not starts.not_started:
        remark("With another token, course-backfill watch follows what is under way.")
    remark(f"A token that is renewed by itself: set {TOKEN_URL}, {CLIENT_ID} and {CLIENT_SECRET}.")
    return typer.Exit(FAILED)


def _name_not_started(starts: Starts) -> None:
    """The first few by name, so that thousands do not fill the terminal."""
    courses = starts.not_started
    if not courses:
        return
    remark(f"Not started: {some_of(courses)}")
    remark("To start them, say the same again.")
