"""The functions of an installation, each a process that runs the package and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Event = dict[str, Any]


def recorded(name: str) -> Event:
    """An event as AWS sends it, of the names and ids of another installation."""
    event: Event = json.loads((FOLDER / "events" / f"{name}.json").read_text())
    return event


def brought(message: Mapping[str, Any], *, queue_arn: str, name: str = "sqs") -> Event:
    """The recorded event with this message of this queue in it."""
    event = deepcopy(recorded(name))
    [record] = event["Records"]
    record |= {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "md5OfBody": message["MD5OfBody"],
        "eventSourceARN": queue_arn,
    }
    record["attributes"]["ApproximateReceiveCount"] = message["Attributes"][
        "ApproximateReceiveCount"
    ]
    return event


class PackagedFunction:
    """One function: started at its first event, as a cold start, and warm from then on.

    Its Python is isolated: it finds the standard library and the package, nothing of this
    environment, and no variable but `environment`.
    """

    def __init__(
        self, service: str, *, code: Path, environment: Mapping[str, str], scratch: Path
    ) -> None:
        """`code` is the folder of the package; `scratch` takes its log and what it compiles."""
        # Compiled once for all functions, and outside of the package, which stays as it was built.
        options = ["-I", "-S", "-W", "error", "-X", f"pycache_prefix={scratch / 'compiled'}"]
        arguments = [str(code), f"services.{service}.handler", service]
        self._log = scratch / f"{service}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - This Python, and a file of ours.
                [sys.executable, *options, str(FOLDER / "lambda_runtime.py"), *arguments],
                env={"AWS_LAMBDA_FUNCTION_NAME": service, "TZ": ":UTC", **environment},
                cwd=scratch,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.path: list[str] = self._read()["path"]

    def __call__(self, event: Event) -> Any:
        """What the handler answers; whatever it raised fails the test."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        answered = self._read()
        assert "error" not in answered, answered["error"]
        return answered["answer"]

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def stop(self) -> None:
        """Ends the process; it has to have ended by itself when its events did."""
        self._process.communicate(timeout=30)
        assert self._process.returncode == 0, self.log

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the function ended:\n{self.log}"
        read: dict[str, Any] = json.loads(line)
        return read
