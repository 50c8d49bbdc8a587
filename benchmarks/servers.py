"""The servers of a measurement, each in a process of its own, gone when the block ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from course_backfill.local.kept_process import Program
from course_backfill.local.mongod import NAME, start_mongod
from course_backfill.local.processes import Supervisor

EMBEDDED = "embedded S3"
SINK = "sink"
DISTANT_SINK = "sink 20 ms away"
_MODULES = {
    EMBEDDED: ("course_backfill.local.embedded_aws",),
    SINK: ("benchmarks.sink",),
    DISTANT_SINK: ("benchmarks.sink", "--delay=20"),
}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its address and its process."""

    address: str
    process: psutil.Process


@dataclass(frozen=True, slots=True)
class Servers:
    """The source, and the destinations by their names in the report."""

    mongod: Server
    destinations: dict[str, Server]


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """All servers; what they store lies below the folder."""
    with Supervisor() as supervisor:
        for number, (name, module) in enumerate(_MODULES.items()):
            options = ["--data-dir", str(folder / "s3")] if name == EMBEDDED else []
            command = [sys.executable, "-m", *module, *options]
            supervisor.start(name, Program(argv=command, log_path=folder / f"{number}.log"))
        destinations = {
            name: Server(supervisor.ready(name), psutil.Process(supervisor.pid(name)))
            for name in _MODULES
        }
        uri = start_mongod(supervisor, folder / "mongod")
        yield Servers(Server(uri, psutil.Process(supervisor.pid(NAME))), destinations)
