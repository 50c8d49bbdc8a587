"""All services on memory adapters, driven message by message."""

from __future__ import annotations

import importlib
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from awscrt import checksums

from course_backfill.adapters.lambda_batch import Handles
from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.adapters.memory_contentstore import MemoryContentstore
from course_backfill.adapters.memory_event_bus import MemoryEventBus
from course_backfill.adapters.memory_locations import (
    MemoryObjectCopier,
    MemoryObjectRepairer,
    MemoryObjectRestorer,
)
from course_backfill.adapters.memory_meter import MemoryMeter
from course_backfill.adapters.memory_objects import (
    MemoryObjectEraser,
    MemoryObjectReader,
    MemoryObjectWriter,
    MemoryWorkStore,
)
from course_backfill.adapters.memory_source import MemorySource
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.adapters.timed_work_store import TimedWorkStore
from course_backfill.clock import to_text
from course_backfill.courses import CourseId
from course_backfill.discoveries import Discovery
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest
from course_backfill.locations import Location, failures_key, is_copied_inside
from course_backfill.manifests import Entry, StorageManifest, split_lines
from course_backfill.messages import Step, StepMessage
from course_backfill.settings import Settings
from course_backfill.standstill import is_stalled
from course_backfill.wiring import Wiring
from services.janitor.wiring import build_sweeper

COURSE = CourseId.parse("course-v1:Org1+CS101+R1")
OLD_COURSE = CourseId.parse("OldOrg/CS50/2013")


class FakeClock:
    """A clock that moves a millisecond a look, and as far as a test pushes it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def advance(self, **time: float) -> None:
        """Pushes the clock."""
        self.now += timedelta(**time)


class MemoryMessages:
    """The queues as one list; what was ever sent stays in `sent`."""

    def __init__(self) -> None:
        self.waiting: deque[StepMessage] = deque()
        self.sent: list[StepMessage] = []

    def send(self, messages: Sequence[StepMessage]) -> None:
        """Appends them."""
        self.waiting.extend(messages)
        self.sent.extend(messages)

    def change_visibility(self, queue: str, receipt: str, seconds: int) -> None:
        """Nothing is ever hidden here; `MemoryQueues` is the full twin."""


class MemoryWiring(Wiring):
    """Memory ports; `content`, the locations' `buckets` by id, `bucket` (the primary's) and
    `work_bucket` are there to be looked into."""

    clock: FakeClock

    def __init__(self, *, is_versioned: bool = False, **settings: Any) -> None:
        self.settings = Settings(**({"files_in_flight": 2} | settings))
        self.clock = FakeClock()
        self.crc64 = checksums.crc64nvme
        self.content = MemoryContentstore()
        self.buckets = {
            location.id: MemoryBucket(location.id, is_versioned=is_versioned, clock=self.clock)
            for location in self.settings.locations
        }
        self.bucket = self.buckets[self.settings.primary.id]
        self.work_bucket = MemoryBucket("work")
        self._ids = (f"id-{number}" for number in range(1_000_000))

    def new_id(self) -> str:
        return next(self._ids)

    def pause(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @cached_property
    def state(self) -> MemoryStateStore:
        return MemoryStateStore()

    @cached_property
    def messages(self) -> MemoryMessages:
        return MemoryMessages()

    @cached_property
    def bus(self) -> MemoryEventBus | None:
        return MemoryEventBus() if self.settings.event_bus else None

    @cached_property
    def meter(self) -> MemoryMeter:
        return MemoryMeter(self.settings.namespace)

    @cached_property
    def source(self) -> MemorySource:
        return MemorySource(self.content)

    @cached_property
    def work(self) -> TimedWorkStore:
        return TimedWorkStore(MemoryWorkStore(self.work_bucket))

    def reader(self, location: Location) -> MemoryObjectReader:
        return MemoryObjectReader(self.buckets[location.id])

    def writer(self, location: Location, storage_class: str | None = None) -> MemoryObjectWriter:
        wanted = storage_class or location.storage_class
        return MemoryObjectWriter(self.buckets[location.id], storage_class=wanted)

    def copier(
        self, source: Location, target: Location, storage_class: str | None = None
    ) -> MemoryObjectCopier | None:
        if not is_copied_inside(source, target):
            return None
        return MemoryObjectCopier(
            self.buckets[source.id],
            self.buckets[target.id],
            storage_class=storage_class or target.storage_class,
        )

    def restorer(self, location: Location) -> MemoryObjectRestorer:
        return MemoryObjectRestorer(self.buckets[location.id])

    def repairer(
        self, location: Location, storage_class: str | None = None
    ) -> MemoryObjectRepairer:
        wanted = storage_class or location.storage_class
        return MemoryObjectRepairer(self.buckets[location.id], storage_class=wanted)

    def eraser(self, location: Location) -> MemoryObjectEraser:
        return MemoryObjectEraser(self.buckets[location.id])


class MemoryPipeline:
    """Backfills courses of a memory contentstore; nothing happens but when a test delivers."""

    def __init__(self, **options: Any) -> None:
        self.wiring = MemoryWiring(**options)
        self.content = self.wiring.content
        self.bucket = self.wiring.bucket
        self._steps: dict[str, Handles] = {}
        self._numbers = 0

    def discover(self, *courses: CourseId) -> Discovery:
        """Lists the courses in the source and does a discovery as far as its first run goes."""
        for course in courses:
            self.content.add_course(course)
        discovery = self.wiring.discoveries.add(self.wiring.new_id(), by="operator")
        self.deliver(StepMessage(ingest=discovery.id, epoch=0, step=Step.DISCOVER))
        return self.wiring.discoveries.get(discovery.id)

    def start(self, course: CourseId = COURSE, **request: Any) -> str:
        """Accepts an ingest, as the API does; returns its id."""
        self._numbers += 1
        now = to_text(self.wiring.clock())
        ingest = Ingest(
            id=f"ingest-{self._numbers}",
            course=str(course),
            requested_by="operator",
            created_date=now,
            last_modified_date=now,
            **({"locations": self._required(), "content": ("assets",)} | request),
        )
        self.wiring.lifecycle.accept(ingest)
        return ingest.id

    def _required(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.wiring.settings.locations if one.required)

    def backfill(self, course: CourseId = COURSE, **request: Any) -> Ingest:
        """Accepts an ingest and delivers everything that follows."""
        ingest = self.start(course, **request)
        self.run()
        return self.ingest(ingest)

    def run(
        self, *, until: Callable[[StepMessage], bool] | None = None, copies: int = 1
    ) -> StepMessage | None:
        """Delivers every waiting message, `copies` times each.

        Stops before the first message that `until` wants, and returns that one, taken out.
        """
        while self.wiring.messages.waiting:
            message = self.wiring.messages.waiting.popleft()
            if until and until(message):
                return message
            for _ in range(copies):
                self.deliver(message)
        return None

    def run_shuffled(self, seed: int) -> None:
        """Delivers in an order, and with repeats, that the seed decides."""
        chance = random.Random(seed)  # noqa: S311 - a test's choice of an order.
        delivered: list[StepMessage] = []
        while self.wiring.messages.waiting:
            chance.shuffle(self.wiring.messages.waiting)
            message = self.wiring.messages.waiting.popleft()
            delivered.append(message)
            self.deliver(message)
            if chance.random() < 0.3:
                self.deliver(chance.choice(delivered))

    def deliver(self, message: StepMessage) -> None:
        """Delivers one message to the service of its step."""
        self.step(message.step.service).handle(message)

    def step(self, service: str) -> Handles:
        """A service's step on this pipeline's wiring."""
        if service not in self._steps:
            handler = importlib.import_module(f"services.{service}.handler")
            self._steps[service] = handler.build_step(self.wiring)
        return self._steps[service]

    def sweep(self) -> int:
        """What the janitor's schedule does."""
        return build_sweeper(self.wiring).sweep()

    def ingest(self, ingest: str) -> Ingest:
        """The ingest as it stands."""
        return self.wiring.ingests.get(ingest)

    def looks_stalled(self, ingest: str) -> bool:
        """Whether it is shown as stalled."""
        wiring = self.wiring
        found, events = self.ingest(ingest), wiring.ingests.events(ingest)
        replicas = wiring.packets.replicas(ingest)
        return is_stalled(found, replicas, events, now=wiring.clock(), after=wiring.resend_after)

    def failures(self, ingest: str) -> list[Failure]:
        """What is listed under the ingest's failures."""
        lines = split_lines(self.wiring.work.read(failures_key(ingest)))
        return [Failure.from_line(line) for line in lines]

    def prefix(self, version: str, course: CourseId = COURSE) -> str:
        """The prefix of a version in the primary."""
        return self.wiring.primary.version_prefix(course, version)

    def read(self, key: str) -> bytes:
        """An object of the primary."""
        return b"".join(self.wiring.reader(self.wiring.primary).read(key))

    def manifest(self, version: str = "v1", course: CourseId = COURSE) -> StorageManifest:
        """A version's manifest as stored."""
        content = self.read(self.prefix(version, course) + "manifest.json")
        return StorageManifest.model_validate_json(content)

    def entries(self, version: str = "v1", course: CourseId = COURSE) -> list[Entry]:
        """A version's entries as stored."""
        content = self.read(self.prefix(version, course) + "entries.jsonl")
        return [Entry.from_line(line) for line in split_lines(iter([content]))]

    def contents(self, version: str = "v1", course: CourseId = COURSE) -> dict[str, bytes]:
        """Path → bytes of everything a version holds."""
        prefix = self.prefix(version, course)
        return {one.path: self.read(prefix + one.key) for one in self.entries(version, course)}

    def stored(self) -> list[str]:
        """Every key of the primary that holds an object."""
        return [stat.key for stat in self.wiring.reader(self.wiring.primary).list("")]


def names(messages: Iterable[StepMessage]) -> list[str]:
    """The steps of messages."""
    return [message.step.value for message in messages]
