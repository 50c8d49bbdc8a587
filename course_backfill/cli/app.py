"""The `course-backfill` command: all its groups of commands, and what becomes of their errors."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from course_backfill.cli.auditing import audit
from course_backfill.cli.contents import entries, get, versions
from course_backfill.cli.dead_letters import dead_letters, redrive
from course_backfill.cli.demo import demo
from course_backfill.cli.discovering import discover
from course_backfill.cli.estimating import estimate
from course_backfill.cli.loading import load_dump, load_sample
from course_backfill.cli.locating import locations
from course_backfill.cli.outcomes import INTERRUPTED, explain
from course_backfill.cli.plain_command import PlainCommand
from course_backfill.cli.preparing import check, setup
from course_backfill.cli.printing import remark, say
from course_backfill.cli.reports import report
from course_backfill.cli.serving import serve
from course_backfill.cli.standing import failures, status
from course_backfill.cli.starting import cancel, retry, start, watch
from course_backfill.cli.warming import warm
from course_backfill.cli.working import api, aws, work

HELP = """Backfills Open edX course content from MongoDB to S3, one course at a time, and proves
that nothing was lost.

Try it: `course-backfill demo`. On your own data: `course-backfill serve --mongo-uri URI`, then in
another terminal `course-backfill discover`, `course-backfill start --all-missing --watch` and
`course-backfill report`.

Exit codes: 0 succeeded, 1 an ingest or a check failed, 2 wrong usage or settings, 130 Ctrl-C.
"""

app = typer.Typer(
    name="course-backfill",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Prepare": (setup, check, load_sample, load_dump),
    "Backfill": (discover, estimate, start, watch, cancel, retry),
    "Look": (report, locations, status, failures, versions, entries, get),
    "Copies": (audit, warm),
    "Repair": (dead_letters, redrive),
    "Run it": (demo, serve, work, api, aws),
}
"""Every command, in the order of the help; a command is called as its function."""


def tell_version(is_wanted: bool) -> None:
    """Prints the version and ends the command, where it is asked for."""
    if is_wanted:
        say(f"course-backfill {version('course-backfill')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version."),
]


@app.callback()
def before_any_command(*, is_version_wanted: Version = False) -> None:
    """Options that stand before a command."""


for panel, commands in PANELS.items():
    for command in commands:
        app.command(cls=PlainCommand, rich_help_panel=panel)(command)


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is spelled out instead of ending the command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and gives its exit code; usage errors and help print themselves."""
    try:
        app(arguments, prog_name="course-backfill")
    except SystemExit as end:
        return int(end.code or 0) if not isinstance(end.code, str) else 1
    except KeyboardInterrupt:
        remark("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:
        return explain(error)
    return 0
