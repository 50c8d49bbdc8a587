"""The command that shows everything once, on a sample, and holds it against what must be: demo."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import typer

from course_backfill.cli.api_client import ApiClient
from course_backfill.cli.outcomes import FAILED, Failed
from course_backfill.cli.printing import duration, remark, say
from course_backfill.settings import Settings

if TYPE_CHECKING:
    from course_backfill.local.stack import Stack

LARGE_BYTES = 64 * 1024 * 1024
"""Takes long enough to copy that a worker can be killed in the middle."""

PLACE = Path(".local")
SETTINGS_FILE = "course-backfill.toml"

SETTINGS = {
    # Shorter than usual, so that nobody waits half a minute for the killed worker's packet.
    "COURSE_BACKFILL_VISIBILITY_SECONDS": "15",
    "COURSE_BACKFILL_LEASE_SECONDS": "8",
}

MONGOD = "COURSE_BACKFILL_MONGOD"
"""Says how a MongoDB is started here, not which one is used."""


def demo() -> None:
    """Backfill a sample of Open edX content from start to end, and clean up.

    Starts a MongoDB, an embedded AWS, the API and workers of its own; copies every course; kills a
    worker on the way; fetches a file back; adds a second location, warms a course that has gone
    cold, mends a damaged copy. Exits with 0 if exactly the course with the corrupt file failed and
    all others are whole in both locations.
    """
    from course_backfill.local.mongod_binary import MongodUnavailable
    from course_backfill.local.processes import ProcessEnded

    began = time.monotonic()
    with _own_directory() as data_dir:
        _forget_surroundings(data_dir)
        try:
            wrong = _run(data_dir, began)
        except (MongodUnavailable, ProcessEnded) as error:
            raise Failed(str(error)) from error
        took = duration(time.monotonic() - began)
        say("")
        if wrong:
            say(f"The demo did not go as it must ({took}):", style="bold red")
            for one in wrong:
                say(f"  {one}", style="red")
            raise typer.Exit(FAILED)
    say(
        f"Done in {took}. Exactly the course with the corrupt file failed, all others are whole "
        "in both locations, and nothing is left running.",
        style="bold green",
    )
    say("Next: course-backfill serve, or read the README on your own MongoDB and AWS.")


def _run(data_dir: Path, began: float) -> list[str]:
    """Everything from the start of the servers to their end; what was not as it must be."""
    import psutil

    from course_backfill.local.stack import StackOptions, running_stack

    _head(1, "Start MongoDB, the embedded AWS, the API and workers on this machine")
    options = StackOptions(data_dir=data_dir, settings=Settings.load())
    with running_stack(options, tell=lambda text: say(f"   {text}")) as stack:
        say(f"   ready after {duration(time.monotonic() - began)}; logs: {options.logs}")
        wrong = _show(stack, data_dir)
        started = psutil.Process().children(recursive=True)
    return wrong + [f"{one.pid} still runs" for one in started if one.is_running()]


def _show(stack: Stack, data_dir: Path) -> list[str]:
    """Goes through all steps; what was not as it must be."""
    from course_backfill.cli.demo_copies import CopySteps
    from course_backfill.cli.demo_runs import DemoRuns
    from course_backfill.cli.demo_steps import DemoSteps

    with _api(stack) as api:
        runs = DemoRuns(api)
        steps = DemoSteps(stack, api, runs)
        _head(2, "Write a sample in the exact layout of Open edX")
        steps.write_sample(LARGE_BYTES)
        _head(3, "Find its courses: course-backfill discover")
        steps.discover()
        _head(
            4,
            "What would be moved, and is it sound? course-backfill start COURSE --dry-run "
            "--read-source",
        )
        steps.dry_run()
        _head(5, "Backfill all of them: course-backfill start --all-missing --watch")
        steps.backfill()
        _head(6, "Fetch one file back: course-backfill get COURSE PATH -o FILE")
        steps.fetch(data_dir / "fetched")
        _head(7, "Once more, as often as you like: course-backfill start --all-missing")
        steps.repeat()
        _head(8, "What failed, and why? course-backfill failures COURSE")
        steps.tell_failures()
        copies = CopySteps(stack, api, runs, steps.facts)
        _head(9, "Add a location, later: course-backfill start --all-missing --from primary")
        copies.add_location(data_dir / SETTINGS_FILE)
        _head(10, "A course has gone cold: course-backfill warm COURSE --tier Expedited")
        copies.warm()
        _head(11, "Is every copy still what was saved? course-backfill audit COURSE --watch")
        copies.mend()
        _head(12, "Who is where? course-backfill report")
        copies.report()
        return runs.wrong


@contextmanager
def _api(stack: Stack) -> Iterator[ApiClient]:
    headers = {"authorization": f"Bearer {stack.client.token}"}
    with httpx.Client(
        base_url=stack.client.url, headers=headers, timeout=60, trust_env=False
    ) as http:
        yield ApiClient(http)


def _head(number: int, text: str) -> None:
    say("")
    say(f"{number}  {text}", style="bold")


@contextmanager
def _own_directory() -> Iterator[Path]:
    """A new one, which stays, and is named, only where something went wrong."""
    from course_backfill.local.folders import usable

    with usable(PLACE, str(PLACE)):
        made = Path(tempfile.mkdtemp(prefix="demo-", dir=PLACE))
    try:
        yield made
    except KeyboardInterrupt:
        shutil.rmtree(made, ignore_errors=True)
        remark("What the demo started has ended, and what it stored is removed.")
        raise
    except BaseException:
        remark(f"What the demo stored and logged stays in {made}.")
        raise
    shutil.rmtree(made)


def _forget_surroundings(data_dir: Path) -> None:
    """Keeps the demo, and its processes, off whatever this shell is set up for."""
    for name in list(os.environ):
        if name.startswith(("COURSE_BACKFILL_", "MONGO_", "AWS_")) and name != MONGOD:
            del os.environ[name]
    settings_file = data_dir / SETTINGS_FILE
    settings_file.touch()
    os.environ.update({**SETTINGS, "COURSE_BACKFILL_CONFIG": str(settings_file)})
