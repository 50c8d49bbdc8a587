"""A real `course-backfill serve` for tests, and the commands run against it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_backfill.cli.app import run
from course_backfill.local.client_file import DATA_DIR_VARIABLE, ClientFile

COMMAND = Path(sys.executable).parent / "course-backfill"
SECONDS_TO_START = 120


def clean_environment(**settings: str) -> dict[str, str]:
    """This environment without the product's settings and the terminal's width, and with these."""
    ours = ("COURSE_BACKFILL_", "MONGO_", "AWS_", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **settings}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@dataclass(slots=True)
class Served:
    """A stack that runs in a process of its own."""

    data_dir: Path
    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def client(self) -> ClientFile:
        """What it left for the commands."""
        found = ClientFile.read(self.data_dir)
        assert found is not None
        return found

    def command(self, *arguments: str) -> Outcome:
        """Runs a command in this process, as its user would in a shell of the same folder."""
        return run_command(*arguments, **{DATA_DIR_VARIABLE: str(self.data_dir)})

    def stop(self) -> int:
        """Ctrl-C; gives the exit code."""
        self.interrupt()
        return self.ended()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def ended(self) -> int:
        """The exit code, once it has ended."""
        rest, _ = self.process.communicate(timeout=60)
        self.lines += rest.splitlines()
        return self.process.returncode


def run_command(*arguments: str, **settings: str) -> Outcome:
    """Runs a command in this process, in an environment with these settings alone."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(clean_environment(**settings))
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(list(arguments))
    finally:
        os.environ.clear()
        os.environ.update(before)
    return Outcome(code, out.getvalue(), err.getvalue())


@contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[Served]:
    """Runs `serve` until the end of the block, ready before it."""
    process = subprocess.Popen(  # noqa: S603  # Our own command.
        [COMMAND, "serve", "--data-dir", data_dir, *options],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A Ctrl-C at the tests is not one at it.
        start_new_session=True,
    )
    served = Served(data_dir, process, [])
    try:
        _wait_until_ready(served)
        yield served
    finally:
        if process.poll() is None:
            served.stop()


def _wait_until_ready(served: Served) -> None:
    stream = served.process.stdout
    assert stream is not None
    deadline = time.monotonic() + SECONDS_TO_START
    for line in stream:
        served.lines.append(line.rstrip())
        if line.startswith("Commands find it"):
            return
        assert time.monotonic() < deadline, served.lines
    raise AssertionError("\n".join(served.lines))
