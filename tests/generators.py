"""Makes what tests are about, so that a test states only what matters to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.adapters.memory_meter import MemoryMeter
from course_backfill.adapters.memory_objects import MemoryWorkStore
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.clock import to_text
from course_backfill.courses import CourseId
from course_backfill.errors import QueueUnavailable
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_step import IngestStep, Parking, StepResult
from course_backfill.ingests import Ingest, IngestStatus, Packet, Replica, Stage
from course_backfill.inventory import SourceObject
from course_backfill.lifecycle import Lifecycle, Patience
from course_backfill.manifests import Entry
from course_backfill.messages import Step, StepMessage
from course_backfill.results import Results
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
COURSE = CourseId.parse("course-v1:Org1+CS101+R1")
OLD_COURSE = CourseId.parse("OldOrg/CS50/2013")
LEASE = timedelta(seconds=20)
RESEND_AFTER = timedelta(minutes=15)


class ManualClock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        """Moves it on, by what `timedelta` takes."""
        self.now += timedelta(**time)


class Outbox:
    """A message sender that keeps what was sent; while `is_unavailable` nothing can be."""

    def __init__(self) -> None:
        self.sent: list[StepMessage] = []
        self.is_unavailable = False

    def send(self, messages: Sequence[StepMessage]) -> None:
        """See MessageSender."""
        if self.is_unavailable:
            raise QueueUnavailable("SQS does not answer")
        self.sent.extend(messages)

    def take(self) -> list[StepMessage]:
        """What was sent since it was last taken."""
        taken, self.sent = self.sent, []
        return taken


@dataclass
class Stores:
    """The stores on one state in memory, and what is around them."""

    state: MemoryStateStore = field(default_factory=MemoryStateStore)
    clock: ManualClock = field(default_factory=ManualClock)
    outbox: Outbox = field(default_factory=Outbox)
    work_bucket: MemoryBucket = field(default_factory=lambda: MemoryBucket("work"))
    patience: Patience = field(default_factory=Patience)
    meter: MemoryMeter = field(default_factory=lambda: MemoryMeter("course-backfill"))

    def __post_init__(self) -> None:
        self.ingests = IngestStore(self.state, self.clock, resend_after=RESEND_AFTER)
        self.courses = CourseStore(self.state, self.clock)
        self.packets = PacketStore(
            self.state, self.ingests, self.clock, lease=LEASE, meter=self.meter
        )
        self.flow = Flow(self.packets)
        self.work = MemoryWorkStore(self.work_bucket)
        self.results = Results(work=self.work, packets=self.packets)
        self.lifecycle = Lifecycle(
            ingests=self.ingests,
            courses=self.courses,
            messages=self.outbox,
            meter=self.meter,
            clock=self.clock,
            patience=self.patience,
        )

    def with_courses(self, *courses: CourseId) -> Stores:
        """With these courses discovered."""
        for course in courses:
            self.courses.add(course)
        return self

    def at(self, stage: Stage, **fields: Any) -> Ingest:
        """Accepts an ingest, and moves it to the stage; nothing is left in the outbox."""
        self.lifecycle.accept(create_ingest(**fields))
        change = {"status": IngestStatus.PROCESSING, "stage": stage, "version": "v1"}
        ingest = self.ingests.update("ingest-1", lambda now: now.model_copy(update=change))
        self.outbox.take()
        return ingest

    def step(self, work: Callable[[Ingest, StepMessage], StepResult]) -> IngestStep:
        """A service's step on these stores."""
        return IngestStep(
            work,
            state=self.state,
            ingests=self.ingests,
            lifecycle=self.lifecycle,
            flow=self.flow,
            messages=self.outbox,
            clock=self.clock,
            parking=Parking(),
            addresses={},
        )

    def timers(self, ingest: str) -> dict[str, str]:
        """Name → due date of the ingest's timers."""
        page = self.state.query("ingests", ingest, sk_prefix="DUE#")
        return {item["name"]: item["dueDate"] for item in page.items}


def create_ingest(ingest: str = "ingest-1", course: CourseId = COURSE, **fields: Any) -> Ingest:
    """An accepted ingest of the course into the primary."""
    defaults: dict[str, Any] = {
        "locations": ("primary",),
        "content": ("assets",),
        "requested_by": "operator",
        "created_date": to_text(MORNING),
        "last_modified_date": to_text(MORNING),
    }
    return Ingest(id=ingest, course=str(course), **(defaults | fields))


def create_message(step: Step, ingest: str = "ingest-1", **fields: Any) -> StepMessage:
    """A message of an ingest's first epoch."""
    return StepMessage(ingest=ingest, step=step, **({"epoch": 1} | fields))


def create_packet(number: int = 0, **fields: Any) -> Packet:
    """A packet of the primary with ten objects of ten bytes."""
    defaults: dict[str, Any] = {
        "replica": "primary",
        "offset": number * 1_000,
        "length": 1_000,
        "objects": 10,
        "bytes": 100,
    }
    return Packet(number=number, **(defaults | fields))


def create_replica(packets: int = 1, **fields: Any) -> Replica:
    """The primary, with so many packets."""
    defaults: dict[str, Any] = {"location": "primary", "started_date": to_text(MORNING)}
    return Replica(packets=packets, **(defaults | fields))


def create_source_object(path: str = "assets/a.txt", **fields: Any) -> SourceObject:
    """An object of five bytes, as its document describes it."""
    defaults: dict[str, Any] = {
        "kind": "thumbnail" if path.startswith("thumbnails/") else "asset",
        "size": 5,
        "content_type": "text/plain",
        "source_id": f"asset-v1:Org1+CS101+R1+type@asset+block@{path.partition('/')[2]}",
        "upload_date": "2026-01-31T08:15:00.123Z",
        "metadata": {"locked": False},
    }
    return SourceObject(path=path, **(defaults | fields))


def create_entry(
    path: str = "assets/a.txt", content: bytes = b"alpha", *, key: str | None = None, **fields: Any
) -> Entry:
    """The entry of an object with that content; `fields` are those of its document."""
    return Entry(
        source=create_source_object(path, **({"size": len(content)} | fields)),
        key=key or path,
        version="v1",
        sha256=hashlib.sha256(content).hexdigest(),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )


def create_failure(code: str = "storage-refused", **fields: Any) -> Failure:
    """The failure of an ingest as a whole."""
    defaults: dict[str, Any] = {"detail": "S3 said no", "stage": "replicating"}
    return Failure.of_ingest(code, **(defaults | fields))
