"""Single commands that run until they are stopped, and the commands of a client beside them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.features.installation import Installation
from tests.features.served import COMMAND, Outcome, clean_environment, run_command

TOKEN = "a-token-of-this-test"


@dataclass(slots=True)
class Part:
    """A command that has said that it is ready."""

    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def url(self) -> str:
        """Where it answers."""
        (ready,) = [line for line in self.lines if line.startswith("Ready: ")]
        return ready.removeprefix("Ready: ")

    def stop(self) -> int:
        """Ctrl-C; gives the exit code."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)
        return self.process.returncode


@contextmanager
def running(*arguments: str, **settings: str) -> Iterator[Part]:
    """Runs the command until the end of the block, ready before it."""
    process = subprocess.Popen(  # noqa: S603  # Our own command.
        [COMMAND, *arguments],
        env=clean_environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    part = Part(process, [])
    try:
        for line in process.stdout:
            part.lines.append(line.rstrip())
            if line.startswith("Ready: "):
                break
        assert process.poll() is None, part.lines
        yield part
    finally:
        if process.poll() is None:
            part.stop()


@dataclass(frozen=True, slots=True)
class Shell:
    """An operator's shell, beside an installation whose API runs."""

    settings: dict[str, str]

    def command(self, *arguments: str) -> Outcome:
        """Runs a command in this process."""
        return run_command(*arguments, **self.settings)

    def output(self, *arguments: str) -> bytes:
        """The bytes that a command writes to standard output; it has to succeed."""
        return subprocess.run(  # noqa: S603  # Our own command.
            [COMMAND, *arguments],
            env=clean_environment(**self.settings),
            check=True,
            capture_output=True,
        ).stdout


@contextmanager
def shell_beside(installation: Installation) -> Iterator[Shell]:
    """Runs the API of the installation until the end of the block."""
    uri = installation.settings.mongo_uri
    settings = {
        "MONGO_URI": uri.get_secret_value() if uri else "",
        "MONGO_DATABASE": installation.database.name,
        "AWS_ENDPOINT_URL": installation.endpoint,
        "AWS_REGION": "eu-west-1",
        "COURSE_BACKFILL_NAMESPACE": installation.settings.namespace,
        "COURSE_BACKFILL_LOCATIONS": json.dumps(
            [one.to_item() for one in installation.settings.locations]
        ),
        "COURSE_BACKFILL_API_TOKEN": TOKEN,
    }
    with running("api", **settings) as api:
        yield Shell(settings | {"COURSE_BACKFILL_API_URL": api.url})
