"""Whatever is saved, started, interrupted, cancelled, retried, redelivered and altered unseen:
every version reads back exactly from everywhere it is registered, and nothing was replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.courses import CourseReplica, VersionReplica
from course_backfill.errors import ConditionFailed, Conflict, KnownOutage
from course_backfill.ingest_states import is_over
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.manifests import Entry, split_lines
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Write
from tests.services.killed import Killed
from tests.services.location_world import FAR, OPTIONAL, PRIMARY, SECOND, LocationWorld
from tests.services.memory_pipeline import COURSE, MemoryPipeline

LOCATIONS = [PRIMARY, SECOND, OPTIONAL]
ADDED = [*LOCATIONS, FAR]
NAMES = [str(one["id"]) for one in ADDED]
VERBS = ["create", "copy", "stat", "read", "list", "erase"]
STEPS = [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE, Step.REGISTER, Step.ROLL_BACK]
FAULTS = [
    StorageFault.THROTTLED,
    StorageFault.LOST_ANSWER,
    StorageFault.OUTAGE_AFTER,
    StorageFault.REFUSED,
]


class Run:
    """What happens to one course; every verb of it is an action that hypothesis may choose."""

    def __init__(self) -> None:
        self.world = LocationWorld(*LOCATIONS, is_versioned=True)
        self.delivered: list[StepMessage] = []
        self.started = 0
        self.history: dict[str, set[bytes]] = {}
        self.altered: set[tuple[str, str]] = set()
        for number in range(3):
            self.save(number, 1)
        self.pipeline.backfill()

    @property
    def pipeline(self) -> MemoryPipeline:
        """The workers as they are configured now; others once a location is added."""
        return self.world.pipeline

    def save(self, number: int, length: int) -> None:
        """Studio saves a file."""
        content = bytes([number]) * length
        self.history.setdefault(f"assets/{number}", set()).add(content)
        self.world.save(str(number), content)

    def add_location(self) -> None:
        """A required location is added to the settings."""
        if "far" not in self.pipeline.wiring.locations:
            self.world.configure(*ADDED)

    def start(self, names: Sequence[str], keep: bool) -> None:
        """Someone backfills from MongoDB, to the required locations and perhaps others."""
        required = [one.id for one in self.pipeline.wiring.settings.locations if one.required]
        self._start(names=[*required, *names], keep=keep)

    def bring(self, source: str, names: Sequence[str], keep: bool) -> None:
        """Someone brings the registered versions from one location to others."""
        if source in self.pipeline.wiring.locations:
            self._start(names=names, keep=keep, provider="amazon-s3", source=source)

    def _start(self, *, names: Sequence[str], keep: bool, **request: Any) -> None:
        known = [one for one in dict.fromkeys(names) if one in self.pipeline.wiring.locations]
        if known:
            with self._attempt():
                on_failure = "keep" if keep else "rollback"
                self.pipeline.start(locations=tuple(known), on_failure=on_failure, **request)

    def deliver(self, count: int, which: int) -> None:
        """Some messages come, in an order of their own."""
        waiting = self.pipeline.wiring.messages.waiting
        for _ in range(count):
            if not waiting:
                return
            waiting.rotate(-(which % len(waiting)))
            message = waiting.popleft()
            self.delivered.append(message)
            waiting.append(message)
            with self._attempt():
                self.pipeline.deliver(message)
                waiting.remove(message)

    def repeat(self, which: int) -> None:
        """A message that was delivered comes again."""
        if self.delivered:
            with self._attempt():
                self.pipeline.deliver(self.delivered[which % len(self.delivered)])

    def fail(self, location: str, verb: str, fault: StorageFault) -> None:
        """One of the next requests to a bucket fails."""
        if location in self.world.buckets:
            self.world.buckets[location].fail(verb, fault)

    def rot(self, location: str, which: int) -> None:
        """Other bytes of the same size take an object's place, with the checksum they have."""
        held = self.world.objects(location) if location in self.world.buckets else {}
        keys = [key for key in sorted(held) if "/assets/" in key]
        for key in keys[which % len(keys) :][:1] if keys else ():
            whole = self.pipeline.wiring.locations[location].prefix + key
            self.world.rot(whole, bytes(byte ^ 0xFF for byte in held[key]), location=location)
            self.altered.add((location, key))

    def kill(self, after: int, is_done: bool) -> None:
        """The worker of one of the next writes dies, before it or after it."""
        left = after

        def die(_: Sequence[Write]) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed

        self.world.pipeline.wiring.state.before_write = None if is_done else die
        self.world.pipeline.wiring.state.after_write = die if is_done else None

    def interrupt(self, step: Step, location: str, after: int) -> None:
        """Everything goes well up to that step in that location, whose worker dies there."""

        def is_wanted(message: StepMessage) -> bool:
            return message.step is step and message.replica in {None, location}

        with self._attempt():
            message = self.pipeline.run(until=is_wanted)
            if message is not None:
                self.pipeline.wiring.messages.waiting.appendleft(message)
                self.kill(after, is_done=after % 2 == 0)
                self.pipeline.deliver(message)
        self._revive()

    def cancel(self, which: int) -> None:
        """Someone cancels an ingest."""
        self._decide(which, lambda one: self.pipeline.wiring.lifecycle.cancel(one, by="operator"))

    def retry(self, which: int) -> None:
        """Someone retries an ingest."""
        self._decide(which, lambda one: self.pipeline.wiring.lifecycle.retry(one, by="operator"))

    def pass_time(self, minutes: int) -> None:
        """Time goes by, and the janitor looks around."""
        self.pipeline.wiring.clock.advance(minutes=minutes)
        with self._attempt():
            self.pipeline.sweep()

    def _decide(self, which: int, decision: Callable[[str], object]) -> None:
        ingests = self.ingests()
        if ingests:
            with self._attempt():
                decision(ingests[which % len(ingests)].id)

    def ingests(self) -> list[Ingest]:
        """Every ingest, the newest first."""
        return list(self.pipeline.wiring.ingests.listing(limit=1_000)[0])

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        with suppress(Conflict, KnownOutage, ConditionFailed):
            try:
                yield
            except Killed:
                self._revive()

    def _revive(self) -> None:
        self.world.pipeline.wiring.state.before_write = None
        self.world.pipeline.wiring.state.after_write = None

    def settle(self) -> None:
        """Nothing fails any more, and everything is delivered, for three days."""
        self._revive()
        for bucket in self.world.buckets.values():
            bucket._faults.clear()
        for _ in range(8):
            self.pipeline.run()
            self.pipeline.wiring.clock.advance(hours=9)
            self.pipeline.sweep()
        for one in self.ingests():
            assert is_over(one), one

    # --- what must be true ---

    def check(self) -> None:
        """Nothing is lost, mixed, replaced or left behind."""
        versions = self.pipeline.wiring.courses.versions(str(COURSE))
        places = {one.id: set[str]() for one in versions}
        for record in self.world.replica_records():
            places[record.version].add(record.location)
            self._reads_back(record)
        by_id = {one.id: one for one in self.ingests()}
        for version in versions:
            assert by_id[version.ingest].status is IngestStatus.SUCCEEDED
            assert places[version.id] >= set(by_id[version.ingest].locations)
        row = self.pipeline.wiring.courses.get(str(COURSE))
        assert row.active_ingest is None
        for location in self.pipeline.wiring.locations:
            there = sum(location in where for where in places.values())
            assert row.is_complete_in(location) == (0 < there == len(versions))
            told = row.replicas.get(location, CourseReplica())
            held = self.world.held(location, [one.id for one in versions])
            are_less = told.objects <= held[0], told.bytes <= held[1]
            assert (told.objects, told.bytes) == held or (there < len(versions) and all(are_less))
        kept = {one.version for one in by_id.values() if one.kept}
        self._nothing_else({*places, *kept})

    def _reads_back(self, record: VersionReplica) -> None:
        there = self.world.objects(record.location)
        prefix = f"courses/{COURSE}/"
        lines = split_lines(iter([there[f"{prefix}{record.version}/entries.jsonl"]]))
        for entry in map(Entry.from_line, lines):
            key = f"{prefix}{entry.version}/{entry.key}"
            content = there[key]
            if (record.location, key) not in self.altered:
                assert hashlib.sha256(content).hexdigest() == entry.sha256
                assert content in self.history[entry.path]
        for name in ("manifest.json", "index.json"):
            key = f"{prefix}{record.version}/{name}"
            assert there[key] == self.world.objects("primary")[key]

    def _nothing_else(self, alive: set[str | None]) -> None:
        for location, bucket in self.world.buckets.items():
            # In a bucket with versions, whatever is written over something stays beside it.
            assert all(len(versions) <= 1 for versions in bucket.versions.values())
            found = {key.split("/")[2] for key in self.world.objects(location)}
            assert found <= alive, (location, found)


NUMBERS = st.integers(0, 20)
SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
BEGIN: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("start"), st.just([]), st.booleans()),
    st.tuples(st.just("start"), SOME, st.booleans()),
    st.tuples(st.just("bring"), st.sampled_from(NAMES[:2]), SOME, st.booleans()),
    st.tuples(st.just("bring"), st.just("primary"), st.just(NAMES), st.booleans()),
)
DISTURB = st.one_of(
    st.tuples(st.just("deliver"), st.integers(1, 25), NUMBERS),
    st.tuples(st.just("deliver"), st.integers(1, 25), st.just(0)),
    st.tuples(st.just("repeat"), NUMBERS),
    st.tuples(
        st.just("fail"), st.sampled_from(NAMES), st.sampled_from(VERBS), st.sampled_from(FAULTS)
    ),
    st.tuples(st.just("rot"), st.sampled_from(NAMES[:2]), NUMBERS),
    st.tuples(st.just("kill"), st.integers(0, 9), st.booleans()),
    st.tuples(
        st.just("interrupt"), st.sampled_from(STEPS), st.sampled_from(NAMES), st.integers(0, 5)
    ),
    # The second write of a packet records what was copied: all of it will be done again.
    st.tuples(st.just("interrupt"), st.just(Step.REPLICATE), st.sampled_from(NAMES), st.just(1)),
    st.tuples(st.just("interrupt"), st.just(Step.REPLICATE), st.just("second"), st.just(1)),
    st.tuples(st.just("cancel"), st.just(0)),
    st.tuples(st.just("retry"), st.just(0)),
    st.tuples(st.just("pass_time"), st.sampled_from([1, 16])),
)
BETWEEN = st.one_of(
    st.tuples(st.just("save"), st.integers(0, 4), st.integers(1, 3)),
    st.tuples(st.just("save"), st.integers(0, 1), st.integers(2, 3)),
    st.tuples(st.just("add_location")),
    st.tuples(st.just("rot"), st.sampled_from(NAMES), NUMBERS),
    st.tuples(st.just("settle")),
)
EPISODES = st.tuples(
    st.lists(BETWEEN, min_size=1, max_size=3),
    BEGIN,
    st.lists(DISTURB, min_size=1, max_size=8),
    st.booleans(),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([([("rot", "primary", 1)], ("bring", "primary", ["optional"], False), [], True)])
@given(st.lists(EPISODES, min_size=1, max_size=4))
def test_every_version_reads_back_from_everywhere_and_nothing_was_replaced(
    episodes: list[tuple[Any, ...]],
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("course_backfill.packets.MAX_PACKET_OBJECTS", 2)
        run = Run()
        for before, begin, disturbances, is_ended in episodes:
            for name, *arguments in [*before, begin, *disturbances]:
                getattr(run, name)(*arguments)
            if is_ended:
                run.settle()
        run.settle()
        run.check()
