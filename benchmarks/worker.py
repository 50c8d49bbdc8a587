"""The real planner and replicator on real MongoDB and S3; only state and messages are in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.contentstore import ContentstoreSource
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.clock import to_text
from course_backfill.courses import CourseId
from course_backfill.ingests import PRIMARY, Ingest, Stage
from course_backfill.locations import Location
from course_backfill.messages import StepMessage
from course_backfill.settings import Settings
from course_backfill.work_context import WorkThreads
from services.planner.handler import build_step as build_planner_step
from services.replicator.handler import build_step as build_replicator_step

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

NAMESPACE = "bench"
FULL = "full"
"""The location that the others are copied from; the sink has such a bucket."""
TARGET = "target"
"""The location that they are copied to."""


class Messages:
    """Keeps the messages that were sent and not yet taken."""

    def __init__(self) -> None:
        self._sent: list[StepMessage] = []

    def send(self, messages: Sequence[StepMessage]) -> None:
        """See MessageSender."""
        self._sent += messages

    def change_visibility(self, queue: str, receipt: str, seconds: int) -> None:
        """Nothing is hidden here."""

    def take(self) -> list[StepMessage]:
        """All of them, once."""
        taken, self._sent = self._sent, []
        return taken


def connections(
    endpoint: str, mongo_uri: str | None = None, database: str | None = None
) -> ConnectedWiring:
    """The connections of a worker to these servers."""
    return ConnectedWiring(worker_settings(endpoint, mongo_uri, database))


def worker_settings(
    endpoint: str, mongo_uri: str | None = None, database: str | None = None
) -> Settings:
    """The settings' defaults on these servers, with further locations that nothing requires."""
    others = (
        Location(id=name, bucket=f"{NAMESPACE}-{name}", required=False) for name in (FULL, TARGET)
    )
    return Settings(
        mongo_uri=SecretStr(mongo_uri) if mongo_uri else None,
        mongo_database=database,
        aws_endpoint_url=endpoint,
        aws_region="us-east-1",
        namespace=NAMESPACE,
        locations=(Location(bucket=f"{NAMESPACE}-primary"), *others),
    )


def make_buckets(worker: ConnectedWiring) -> None:
    """Every bucket of the settings; S3 lets their owner create them again."""
    for bucket in (worker.settings.work_bucket, *(one.bucket for one in worker.settings.locations)):
        worker.buckets.boto.create_bucket(Bucket=bucket)


def empty(worker: ConnectedWiring, bucket: str) -> None:
    """Deletes what a run stored, so that the next one finds an empty bucket."""
    s3 = worker.buckets.boto
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        found: list[ObjectIdentifierTypeDef] = [
            {"Key": one["Key"]} for one in page.get("Contents", ())
        ]
        if found:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})


class QueuelessWiring(ConnectedWiring):
    """A worker's wiring whose messages are taken by hand."""

    @cached_property
    def messages(self) -> Messages:  # type: ignore[override]  # The twin of SQS's.
        """The queues, in memory."""
        return Messages()


class BenchWiring(QueuelessWiring):
    """A worker's wiring on connections that are open already, with tables and queues of its own."""

    def __init__(self, connections: ConnectedWiring) -> None:
        super().__init__(connections.settings)
        self._connections = connections

    @cached_property
    def buckets(self) -> S3Clients:
        """See ConnectedWiring."""
        return self._connections.buckets

    @cached_property
    def source(self) -> ContentstoreSource:
        """See ConnectedWiring; the settings name a URI and no secret."""
        source = self._connections.source
        assert isinstance(source, ContentstoreSource)
        return source

    @cached_property
    def executor(self) -> WorkThreads:
        """See Wiring."""
        return self._connections.executor

    @cached_property
    def state(self) -> MemoryStateStore:  # type: ignore[override]  # The twin of DynamoDB's.
        """The tables, in memory."""
        return MemoryStateStore()


def accept(
    wiring: QueuelessWiring,
    course: CourseId,
    *,
    locations: tuple[str, ...] = (PRIMARY,),
    **request: Any,
) -> str:
    """Accepts an ingest of the course's assets, as the API does; gives its id."""
    now = to_text(wiring.clock())
    ingest = Ingest(
        id=wiring.new_id(),
        course=str(course),
        locations=locations,
        content=("assets",),
        requested_by="benchmarks",
        created_date=now,
        last_modified_date=now,
        **request,
    )
    wiring.lifecycle.accept(ingest)
    return ingest.id


class PlannedCourse:
    """One planned ingest, to be replicated once."""

    def __init__(self, connections: ConnectedWiring, course: CourseId) -> None:
        self._wiring = wiring = BenchWiring(connections)
        wiring.courses.add(course)
        self._id = accept(wiring, course)
        for message in wiring.messages.take():
            build_planner_step(wiring).handle(message)

    def replicate(self) -> None:
        """Copies every packet, one after the other, as one poller would."""
        step = build_replicator_step(self._wiring)
        for message in self._wiring.messages.take():
            step.handle(message)
        ingest = self._wiring.ingests.get(self._id)
        replica = self._wiring.packets.replica(self._id, PRIMARY)
        if ingest.stage is not Stage.VERIFYING or replica.bad or replica.removed:
            raise RuntimeError(f"the copying did not succeed: {ingest.failure or replica}")
