"""The memory of a worker process that plans and copies one big course, into the sink."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from pymongo.database import Database

from benchmarks.content import Content, big_course, write
from benchmarks.servers import SINK, Servers
from benchmarks.worker import PlannedCourse, connections
from course_backfill.adapters.mongodb import Document
from course_backfill.local.bound_process import bound

_ROOM = 3
"""Free disk demanded, in times the course: MongoDB stores it once, and logs it."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Resident memory of the process, in bytes: before it copied anything, and at most."""

    course: str
    files: int
    bytes: int
    before: int
    peak: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class NoRoom(Exception):
    """The disk is too full for the course; `str()` says what was needed."""


def measure_peak(
    content: Content, scale: int, servers: Servers, database: Database[Document], folder: Path
) -> Peak:
    """Writes the course, has it copied by a process of its own, and drops it. Raises NoRoom."""
    free, needed = shutil.disk_usage(folder).free, _ROOM * content.bytes
    if free < needed:
        raise NoRoom(f"{content.title} need {needed / 1e9:.0f} GB of disk, {free / 1e9:.0f} free")
    try:
        write(content, database)
        sink = servers.destinations[SINK].address
        arguments = [servers.mongod.address, database.name, sink, str(scale)]
        command = [sys.executable, "-m", "benchmarks.memory", *arguments]
        # It would otherwise go on copying when this process is killed.
        done = subprocess.run(bound(command), stdout=subprocess.PIPE, check=True)  # noqa: S603  # Our own.
        return Peak(**json.loads(done.stdout))
    finally:
        database.client.drop_database(database)


def _copy(mongo_uri: str, database: str, endpoint: str, scale: str) -> Peak:
    content = big_course(int(scale))
    worker = connections(endpoint, mongo_uri, database)
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    PlannedCourse(worker, content.course).replicate()
    return Peak(
        course=content.title,
        files=content.files,
        bytes=content.bytes,
        before=before,
        peak=peak_rss(),
        seconds=time.perf_counter() - began,
    )


def reset_peak_rss() -> None:
    """Has the kernel count this process's peak from here on, where it can."""
    counters = Path("/proc/self/clear_refs")
    if counters.exists():
        counters.write_text("5")


def peak_rss() -> int:
    """In bytes; from the kernel's own count: that of getrusage begins with the parent's peak."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text().splitlines()
    kibibytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kibibytes) * 1024


if __name__ == "__main__":
    print(json.dumps(_copy(*sys.argv[1:]).to_dict()))
