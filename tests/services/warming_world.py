"""A course in two locations on memory adapters, the first of which has gone cold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.adapters.memory_locations import MemoryObjectRestorer
from course_backfill.clock import from_text, to_text
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import RestoreWish, Warming
from course_backfill.copies.location_ports import ObjectRestorer
from course_backfill.ingest_step import parked_name
from course_backfill.ingests import Event, Ingest
from course_backfill.locations import Location
from course_backfill.messages import Step, StepMessage
from course_backfill.stores.timers import Timer, find_timer
from tests.services.memory_pipeline import COURSE, MemoryPipeline

FILES = 3
LOCATIONS = (
    Location(id="primary", bucket="one"),
    Location(id="second", bucket="two", required=False),
)


class WarmingWorld(MemoryPipeline):
    """`cool` archives what the primary holds; `bring` asks for it to be copied from there."""

    def __init__(self, *, files: int = FILES, **settings: Any) -> None:
        super().__init__(**({"locations": LOCATIONS} | settings))
        self.discover(COURSE)
        for number in range(files):
            self.content.save(COURSE, f"file-{number:05d}.txt", b"content of %d" % number)
        self.backfill()
        self.second = self.wiring.buckets["second"]

    def cool(self, kind: str = "GLACIER", *, bucket: MemoryBucket | None = None) -> list[str]:
        """Archives every object of the course's content; returns their keys."""
        bucket = bucket or self.bucket
        keys = [key for key in bucket.versions if "/assets/" in key]
        for key in keys:
            bucket.archive(key, kind)
        return keys

    def bring(self, *, run: bool = True, **request: Any) -> str:
        """Starts an ingest from the primary to the second location."""
        request = {"provider": "amazon-s3", "locations": ("second",)} | request
        return self.ask(run=run, **request)

    def ask(self, *, run: bool = True, restore: RestoreWish | None = None, **request: Any) -> str:
        """Starts an ingest of any kind; returns its id."""
        now = to_text(self.wiring.clock())
        ingest = Ingest(
            id=self.wiring.new_id(),
            course=str(COURSE),
            requested_by="operator",
            restore=restore or RestoreWish(),
            created_date=now,
            last_modified_date=now,
            **({"locations": ("primary",)} | request),
        )
        self.wiring.lifecycle.accept(ingest)
        if run:
            self.run()
        return ingest.id

    def pass_time(self, **time: float) -> None:
        """Moves the clock on in steps of ten minutes, with what becomes due on the way."""
        end = self.wiring.clock.now + timedelta(**time)
        while self.wiring.clock.now < end:
            self.wiring.clock.now = min(end, self.wiring.clock.now + timedelta(minutes=10))
            self.sweep()
            self.run()

    def warming(self, ingest: str) -> Warming:
        """How far restoring is."""
        warming = self.ingest(ingest).warming
        assert warming is not None
        return warming

    def timer(self, ingest: str) -> Timer | None:
        """When the warmer looks again."""
        return find_timer(self.wiring.state, ingest, parked_name(self.warm_message(ingest)))

    def hours_to_look(self, ingest: str) -> float:
        """How far off that is."""
        timer = self.timer(ingest)
        assert timer is not None
        gap = from_text(timer.due_date) - self.wiring.clock.now
        return round(gap / timedelta(hours=1), 2)

    def warm_message(self, ingest: str) -> StepMessage:
        """What has the warmer look."""
        return StepMessage(ingest=ingest, epoch=self.ingest(ingest).epoch, step=Step.WARM)

    def event(self, ingest: str, outcome: str) -> Event:
        """The warmer's event of that outcome."""
        events = self.wiring.ingests.events(ingest)
        return next(one for one in events if (one.step, one.outcome) == ("warm", outcome))


class CountedRestores:
    """Counts what is asked of S3, and passes it on."""

    def __init__(self, world: WarmingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, int | None, Tier]] = []
        self._make = world.wiring.restorer
        monkeypatch.setattr(world.wiring, "restorer", self._counted)

    def _counted(self, location: Location) -> ObjectRestorer:
        restorer, asked = self._make(location), self.asked

        class Counted:
            def restore(self, key: str, *, days: int | None, tier: Tier) -> None:
                asked.append((key, days, tier))
                restorer.restore(key, days=days, tier=tier)

        return Counted()

    def take(self) -> list[tuple[str, int | None, Tier]]:
        """What was asked for since it was last taken."""
        taken = list(self.asked)
        self.asked.clear()
        return taken


def restores_that_take(world: WarmingWorld, monkeypatch: pytest.MonkeyPatch, **time: float) -> None:
    """Lets every restore take so long, whatever S3 says."""
    buckets = world.wiring.buckets

    def restorer(location: Location) -> MemoryObjectRestorer:
        return MemoryObjectRestorer(
            buckets[location.id], takes=lambda archive, tier: timedelta(**time)
        )

    monkeypatch.setattr(world.wiring, "restorer", restorer)


def counted_requests(world: WarmingWorld, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the tables from now on, a verb each."""
    state, asked = world.wiring.state, list[str]()

    def counting(verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            asked.append(verb)
            return call(*arguments, **options)

        return counted

    for verb in ("get", "query", "query_index", "write"):
        monkeypatch.setattr(state, verb, counting(verb, getattr(state, verb)))
    return asked
