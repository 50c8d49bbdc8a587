"""Runs in which anything may fail at any moment, decided by a seed; and what must be true after."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from course_backfill.adapters.contentstore.platform_files import file_id
from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.courses import CourseId, CourseStatus
from course_backfill.errors import ConditionFailed, Conflict, KnownOutage, StateUnavailable
from course_backfill.ingest_states import is_over
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.messages import StepMessage
from course_backfill.ports import Write
from tests.services.killed import Killed
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline

COURSES = [COURSE, OLD_COURSE]
STORAGE_FAULTS = [
    StorageFault.THROTTLED,
    StorageFault.LOST_ANSWER,
    StorageFault.OUTAGE_AFTER,
    StorageFault.UPLOAD_LOST,
    StorageFault.CONFLICT,
]
STORAGE_VERBS = [
    "create",
    "put_part",
    "open_upload",
    "complete_upload",
    "stat",
    "read",
    "list",
    "erase",
]
EXPECTED = {"digest-mismatch", "missing-chunk", "truncated-chunk", "interrupted-copy"}
LARGE = 8 * 1024 * 1024 + 1


class FaultyRun:
    """One seed's run. `history` holds every content that a file ever had."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - A seed's choices, no secret.
        self.pipeline = MemoryPipeline(is_versioned=self.chance.random() < 0.5)
        self.wiring: Any = self.pipeline.wiring
        self.history: dict[tuple[CourseId, str], set[bytes]] = defaultdict(set)
        self.waiting = self.wiring.messages.waiting
        self.pipeline.discover(*COURSES)
        for course in COURSES:
            for number in range(self.chance.randrange(5)):
                self.save(course, number)
        self.actions: list[tuple[int, Callable[[], object]]] = [
            (30, self.deliver),
            (6, self.start),
            (6, self.pass_time),
            (4, self.edit),
            (2, self.cancel),
            (3, self.retry),
            (3, self.fail_state),
            (3, self.fail_storage),
            (2, self.fail_source),
            (1, self.lose_message),
        ]

    # --- what happens ---

    def run(self, steps: int) -> None:
        """So many things happen, then no fault any more, until nothing is left to be done."""
        weights, actions = zip(*self.actions, strict=True)
        for _ in range(steps):
            [action] = self.chance.choices(actions, weights)
            action()
        self.mend()
        self.drain()

    def start(self) -> None:
        """Someone asks for a course."""
        with self.attempt():
            self.pipeline.start(
                self.chance.choice(COURSES),
                on_failure=self.chance.choice(["keep", "rollback"]),
                corrupt_objects=self.chance.choice(["fail", "record"]),
                dry_run=self.chance.random() < 0.1,
            )

    def deliver(self) -> None:
        """A message comes, perhaps not the first; perhaps it will come again."""
        if not self.waiting:
            return
        index = self.chance.randrange(len(self.waiting))
        self.waiting.rotate(-index)
        message: StepMessage = self.waiting.popleft()
        if self.chance.random() < 0.1:
            self.waiting.append(message)
        self.waiting.append(message)
        with self.attempt():
            self.pipeline.deliver(message)
            self.waiting.remove(message)

    def pass_time(self) -> None:
        """Seconds or hours go by, and the janitor looks around."""
        self.wiring.clock.advance(seconds=self.chance.choice([1, 15, 60, 1_000, 4_000]))
        with self.attempt():
            self.pipeline.sweep()

    def edit(self) -> None:
        """Studio saves, deletes or damages a file."""
        course, number = self.chance.choice(COURSES), self.chance.randrange(5)
        match self.chance.randrange(6):
            case 0:
                self.delete(course, number)
            case 1:
                self.damage(course, number)
            case _:
                self.save(course, number)

    def save(self, course: CourseId, number: int) -> None:
        """Saves a file with a new content, now and then a large one."""
        size = LARGE if number == 0 and self.chance.random() < 0.3 else self.chance.randrange(9)
        content = self.chance.randbytes(4) + bytes(size)
        self.history[course, f"assets/{number}"].add(content)
        self.pipeline.content.save(course, str(number), content)

    def delete(self, course: CourseId, number: int) -> None:
        """Deletes a file, if it is there."""
        with suppress(KeyError):
            self.pipeline.content.delete(file_id(course, str(number)))

    def damage(self, course: CourseId, number: int) -> None:
        """Flips bits of a file: only its digest tells."""
        with suppress(KeyError):
            self.pipeline.content.set_chunk(file_id(course, str(number)), 0, b"rot")

    def cancel(self) -> None:
        """Someone cancels an ingest."""
        for ingest in self.one_ingest():
            with self.attempt():
                self.wiring.lifecycle.cancel(ingest.id, by="operator")

    def retry(self) -> None:
        """Someone retries an ingest."""
        for ingest in self.one_ingest():
            with self.attempt():
                self.wiring.lifecycle.retry(ingest.id, by="operator")

    def one_ingest(self) -> list[Ingest]:
        """Any one, if there is any."""
        ingests = self.all_ingests()
        return [self.chance.choice(ingests)] if ingests else []

    def all_ingests(self) -> list[Ingest]:
        """Every ingest, also one whose request died before it was answered."""
        found, _ = self.wiring.ingests.listing(limit=1_000)
        return list(found)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What a process does until it is done, refused, meets an outage, or dies."""
        with suppress(Conflict, KnownOutage, ConditionFailed, Killed):
            yield
        if self.is_dead:
            self.mend_state()

    # --- what fails ---

    is_dead = False

    def fail_state(self) -> None:
        """One of the next writes is not done, or its answer is lost, or its worker dies there."""
        left = self.chance.randrange(6)
        kind = self.chance.choice(["before", "after", "killed-before", "killed-after"])

        def fail(writes: Sequence[Write]) -> None:
            nonlocal left
            left -= 1
            if self.is_dead or (left < 0 and kind.startswith("killed")):
                self.is_dead = True
                self.wiring.state.before_write = fail
                raise Killed
            if left < 0:
                self.mend_state()
                raise StateUnavailable("DynamoDB does not answer")

        self.mend_state()
        hook = "before_write" if kind.endswith("before") else "after_write"
        setattr(self.wiring.state, hook, fail)

    def fail_storage(self) -> None:
        """One of the next requests to S3 fails."""
        fault = self.chance.choice(STORAGE_FAULTS)
        self.pipeline.bucket.fail(self.chance.choice(STORAGE_VERBS), fault)

    def fail_source(self) -> None:
        """MongoDB is away for a while."""
        self.wiring.source.fail_next(self.chance.randrange(1, 4))

    def lose_message(self) -> None:
        """A message never comes."""
        if self.waiting:
            self.waiting.popleft()

    def mend_state(self) -> None:
        """DynamoDB answers again; another worker takes the place of a dead one."""
        self.is_dead = False
        self.wiring.state.before_write = self.wiring.state.after_write = None

    def mend(self) -> None:
        """Nothing fails any more."""
        self.mend_state()
        self.wiring.source.fail_next(0)
        self.pipeline.bucket._faults.clear()

    def drain(self) -> None:
        """Everything is delivered and every timer fires, two days long."""
        for _ in range(200):
            while self.waiting:
                self.pipeline.deliver(self.waiting.popleft())
            self.wiring.clock.advance(minutes=16)
            self.pipeline.sweep()

    # --- what must be true ---

    def check(self) -> None:
        """Everything ended as it should, and nothing else is there."""
        ingests = self.all_ingests()
        for ingest in ingests:
            self._ended(ingest)
        for course in COURSES:
            self._course(course, [one for one in ingests if one.course == str(course)])
        self._storage(ingests)

    def _ended(self, ingest: Ingest) -> None:
        assert is_over(ingest), ingest
        assert (ingest.failure is not None) == (ingest.status is IngestStatus.FAILED) or (
            ingest.status is IngestStatus.CANCELLED
        ), ingest
        if ingest.failure:
            # None of the faults is for good, and nobody else wrote to the bucket.
            assert ingest.failure.code in EXPECTED, ingest.failure

    def _course(self, course: CourseId, ingests: list[Ingest]) -> None:
        row = self.wiring.courses.get(str(course))
        versions = self.wiring.courses.versions(str(course))
        assert row.active_ingest is None
        assert (row.status is CourseStatus.MIGRATED) == bool(versions)
        assert row.latest_version == (versions[0].id if versions else None)
        owners = {one.id: one for one in ingests}
        for version in versions:
            assert owners[version.ingest].status is IngestStatus.SUCCEEDED
            self._version(course, version.id, owners[version.ingest])

    def _version(self, course: CourseId, version: str, owner: Ingest) -> None:
        manifest = self.pipeline.manifest(version, course)
        entries = self.pipeline.entries(version, course)
        contents = self.pipeline.contents(version, course)
        assert owner.inventory is not None
        found = len(entries) + manifest.removed + len(manifest.exceptions)
        assert found == owner.inventory.objects
        assert owner.corrupt_objects == "record" or not manifest.exceptions
        for entry in entries:
            content = contents[entry.path]
            assert hashlib.sha256(content).hexdigest() == entry.sha256
            assert len(content) == entry.source.size
            assert content in self.history[course, entry.path]
        replica = self.wiring.packets.replica(owner.id, "primary")
        assert replica.packets_copied == replica.packets_verified == replica.packets
        assert replica.objects_verified == len(entries)

    def _storage(self, ingests: list[Ingest]) -> None:
        """No object, version of an object, or upload of an ingest that neither lives nor waits."""
        there = {
            f"{ingest.course} {ingest.version}"
            for ingest in ingests
            if ingest.status is IngestStatus.SUCCEEDED or ingest.kept
        }
        for key, stored in self.pipeline.bucket.versions.items():
            _, course, version, *_ = key.split("/")
            assert not stored or f"{course.replace('%2F', '/')} {version}" in there, key
            assert len(stored) <= 1, key
        for upload in self.pipeline.bucket.uploads.values():
            # Of a success the bucket's lifecycle clears away what an interrupted attempt left.
            _, course, version, *_ = upload.key.split("/")
            assert f"{course.replace('%2F', '/')} {version}" in there, upload.key
