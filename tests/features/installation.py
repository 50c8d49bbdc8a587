"""A whole installation of a test's own: real MongoDB, embedded AWS, real worker processes."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import httpx
from pydantic import SecretStr
from pymongo.database import Database

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.contentstore.platform_files import platform_file
from course_backfill.adapters.mongodb import Document
from course_backfill.adapters.setup import create_resources
from course_backfill.adapters.sqs_consumer import SqsConsumer
from course_backfill.clock import to_text
from course_backfill.courses import CourseId
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.locations import Location, failures_key
from course_backfill.manifests import Entry, split_lines
from course_backfill.messages import SERVICES, StepMessage
from course_backfill.resources import queue_name
from course_backfill.settings import Settings
from tests.features.forked import forked

COURSE = CourseId.parse("course-v1:Org1+CS101+R1")
PATIENCE = 60.0
"""Seconds before a test gives up waiting; what it waits for takes a fraction of that."""
LOOK_SECONDS = 0.2
"""Between two looks, which cost the processor more than the rest of some tests."""


class Installation:
    """One namespace of an AWS, one database of a MongoDB, and the workers a test starts."""

    def __init__(
        self, *, mongo_uri: str, database: Database[Document], endpoint: str, **settings: Any
    ) -> None:
        self.database = database
        self.endpoint = endpoint
        self.settings = Settings(
            mongo_uri=SecretStr(mongo_uri),
            mongo_database=database.name,
            aws_endpoint_url=endpoint,
            aws_region="eu-west-1",
            namespace=f"test-{uuid.uuid4().hex[:12]}",
            visibility_seconds=4,
            lease_seconds=2,
            resend_after_seconds=5,
            park_max_seconds=2,
            restore_first_look_seconds=1,
            restore_poll_seconds=1,
            **settings,
        )
        self.wiring = ConnectedWiring(self.settings)
        self.clients = AwsClients.connect(self.settings)
        create_resources(self.settings, self.clients)
        self._workers: list[Worker] = []

    def configure(self, *locations: Location) -> None:
        """Gives it further locations, for the workers that start from now on."""
        self.settings = self.settings.model_copy(
            update={"locations": (self.settings.primary, *locations)}
        )
        self.wiring.close()
        self.wiring = ConnectedWiring(self.settings)
        create_resources(self.settings, self.clients)

    # --- the source ---

    def save(self, course: CourseId, name: str, content: bytes, **options: Any) -> Any:
        """Saves a file as Studio does: deletes it, then creates it again."""
        made = platform_file(course, name, content, uploaded=datetime.now(UTC), **options)
        raw_id = made.document["_id"]
        self.delete(raw_id)
        chunks = [
            {"files_id": raw_id, "n": number, "data": data}
            for number, data in enumerate(made.chunks)
        ]
        if chunks:
            self.database["fs.chunks"].insert_many(chunks)
        self.database["fs.files"].insert_one(made.document)
        return raw_id

    def delete(self, raw_id: Any) -> None:
        """Deletes a file, document first, as GridFS does."""
        self.database["fs.files"].delete_one({"_id": raw_id})
        self.database["fs.chunks"].delete_many({"files_id": raw_id})

    # --- ingests ---

    def start(self, course: CourseId = COURSE, **request: Any) -> str:
        """Accepts an ingest, as the API does; returns its id."""
        now = to_text(self.wiring.clock())
        self.wiring.courses.add(course)
        ingest = Ingest(
            id=str(uuid.uuid4()),
            course=str(course),
            requested_by="operator",
            created_date=now,
            last_modified_date=now,
            **({"locations": ("primary",), "content": ("assets",)} | request),
        )
        self.wiring.lifecycle.accept(ingest)
        return ingest.id

    def backfill(self, course: CourseId = COURSE) -> None:
        """Backfills a course in this process, where a worker of its own would prove nothing."""
        ingest = self.start(course)
        queues = {
            service: SqsConsumer(self.clients.sqs, queue_name(self.settings.namespace, service))
            for service in SERVICES
        }
        while not self.wiring.ingests.get(ingest).status.is_end:
            for service, queue in queues.items():
                self._work_here(service, queue)
        assert self.wiring.ingests.get(ingest).status is IngestStatus.SUCCEEDED

    def ended(self, ingest: str) -> Ingest:
        """The ingest, once it has ended."""
        wait_until(lambda: self.wiring.ingests.get(ingest).status.is_end)
        return self.wiring.ingests.get(ingest)

    def failures(self, ingest: str) -> list[Failure]:
        """What is listed under the ingest's failures."""
        lines = split_lines(self.wiring.work.read(failures_key(ingest)))
        return [Failure.from_line(line) for line in lines]

    def entries(self, course: CourseId = COURSE, version: str = "v1") -> list[Entry]:
        """A version's entries as stored."""
        key = self.wiring.primary.version_prefix(course, version) + "entries.jsonl"
        lines = split_lines(self.wiring.reader(self.wiring.primary).read(key))
        return [Entry.from_line(line) for line in lines]

    def read(self, entry: Entry, course: CourseId = COURSE) -> bytes:
        """The bytes of an entry's copy."""
        key = self.wiring.primary.version_prefix(course, entry.version) + entry.key
        return b"".join(self.wiring.reader(self.wiring.primary).read(key))

    def stored(self) -> list[str]:
        """Every version of every object of the primary, delete markers and open uploads too."""
        bucket = self.wiring.primary.bucket
        versions = self.clients.s3.list_object_versions(Bucket=bucket)
        uploads = self.clients.s3.list_multipart_uploads(Bucket=bucket)
        return [
            one["Key"]
            for found in (
                versions.get("Versions", []),
                versions.get("DeleteMarkers", []),
                uploads.get("Uploads", []),
            )
            for one in found
        ]

    # --- workers and faults ---

    def work(
        self, *services: str, concurrency: int = 1, grace_seconds: float | None = None
    ) -> Worker:
        """Starts a worker process."""
        worker = Worker(self.settings, services, concurrency, grace_seconds)
        self._workers.append(worker)
        return worker

    def kill_workers(self) -> None:
        """kill -9 for all that were started."""
        while self._workers:
            self._workers.pop().kill()

    def fault(self, **fault: Any) -> None:
        """Orders a fault of the embedded AWS."""
        httpx.post(f"{self.endpoint}/_faults", json=fault).raise_for_status()

    def heal(self) -> None:
        """Takes back the faults that were not met yet."""
        httpx.delete(f"{self.endpoint}/_faults").raise_for_status()

    def stop(self) -> None:
        """Ends what the test left running."""
        self.heal()
        self.kill_workers()
        self.wiring.close()

    def _work_here(self, service: str, queue: SqsConsumer) -> None:
        step = import_module(f"services.{service}.handler").build_step(self.wiring)
        while messages := queue.receive(wait_seconds=0, visibility_seconds=60):
            for message in messages:
                step.handle(StepMessage.model_validate_json(message["Body"]))
                queue.delete(message)


class Worker:
    """A real process of `course-backfill work`."""

    def __init__(
        self,
        settings: Settings,
        services: tuple[str, ...],
        concurrency: int,
        grace_seconds: float | None,
    ) -> None:
        uri = settings.mongo_uri.get_secret_value() if settings.mongo_uri else ""
        environment = os.environ | {
            "MONGO_URI": uri,
            "MONGO_DATABASE": settings.mongo_database or "",
            "AWS_ENDPOINT_URL": settings.aws_endpoint_url or "",
            "AWS_REGION": "eu-west-1",
            "COURSE_BACKFILL_NAMESPACE": settings.namespace,
            "COURSE_BACKFILL_SOURCE_BYTES_PER_SECOND": str(settings.source_bytes_per_second or ""),
            "COURSE_BACKFILL_LOCATIONS": json.dumps([one.to_item() for one in settings.locations]),
            "COURSE_BACKFILL_VISIBILITY_SECONDS": str(settings.visibility_seconds),
            "COURSE_BACKFILL_LEASE_SECONDS": str(settings.lease_seconds),
            "COURSE_BACKFILL_RESEND_AFTER_SECONDS": str(settings.resend_after_seconds),
            "COURSE_BACKFILL_PARK_MAX_SECONDS": str(settings.park_max_seconds),
            "COURSE_BACKFILL_RESTORE_FIRST_LOOK_SECONDS": str(settings.restore_first_look_seconds),
            "COURSE_BACKFILL_RESTORE_POLL_SECONDS": str(settings.restore_poll_seconds),
        }
        self._process = forked(
            "work",
            *services,
            "--concurrency",
            str(concurrency),
            environment=environment,
            grace_seconds=grace_seconds,
        )

    def kill(self) -> None:
        """kill -9: no handler, no finally, no goodbye."""
        self._process.kill()
        self._process.join()

    def end(self, *, within: float) -> int | None:
        """SIGTERM: the status the process ends with, or None if it takes more seconds."""
        self._process.terminate()
        self._process.join(within)
        return self._process.exitcode

    def pause(self) -> None:
        """Stops its clock and its renewals, as a long pause of the machine would."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it run on, unaware."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


def wait_until(holds: Callable[[], object]) -> None:
    """Waits until it holds; fails the test when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "what the test waits for does not come"
        time.sleep(LOOK_SECONDS)


@contextmanager
def installation(
    mongo_uri: str, database: Database[Document], endpoint: str, **settings: Any
) -> Iterator[Installation]:
    """An installation for one test, with settings of its own."""
    made = Installation(mongo_uri=mongo_uri, database=database, endpoint=endpoint, **settings)
    try:
        yield made
    finally:
        made.stop()
