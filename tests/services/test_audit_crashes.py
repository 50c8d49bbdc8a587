"""Workers that die at every third request, of buckets or tables, while they audit and repair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest

from course_backfill.ingests import IngestStatus
from course_backfill.ports import Write
from tests.services.audit_world import AUDIT, AuditWorld
from tests.services.killed import Killed
from tests.services.location_world import FAR, PRIMARY

FILES = {"1.txt": b"one", "2.txt": b"two", "3.txt": b"three"}
FOUND = {
    ("primary", "1.txt", "fixity-mismatch"),
    ("primary", "2.txt", "object-missing"),
    ("far", "entries.jsonl", "fixity-mismatch"),
}


pytestmark = pytest.mark.usefixtures("small_packets")


def damaged_world() -> AuditWorld:
    """One object altered, one missing, one manifest file altered elsewhere."""
    world = AuditWorld(PRIMARY, FAR, files=FILES)
    world.alter("assets/1.txt")
    world.remove("assets/2.txt")
    world.alter("entries.jsonl", location="far")
    return world


def die_at(world: AuditWorld, number: int, when: str) -> Callable[[], bool]:
    """Kills the worker at its so many-th step of the kind; tells whether it came so far."""
    left = count(number, -1)
    deaths: list[str] = []

    def step(*_: Any) -> None:
        if next(left) == 0:
            deaths.append(when)
            raise Killed

    if when == "request":
        world.on_request = step
    elif when == "before-write":
        record = world.pipeline.wiring.state.before_write

        def before(writes: Sequence[Write]) -> None:
            assert record is not None
            record(writes)
            step()

        world.pipeline.wiring.state.before_write = before
    else:
        world.pipeline.wiring.state.after_write = step
    return lambda: bool(deaths)


def revive(world: AuditWorld, ingest: str) -> None:
    """Other workers take over, once claims have run out and messages come again."""
    world.on_request = None
    world.pipeline.wiring.state.before_write = None
    world.pipeline.wiring.state.after_write = None
    for _ in range(3):
        world.pipeline.wiring.clock.advance(minutes=20)
        world.pipeline.sweep()
        messages = world.pipeline.wiring.flow.messages(world.pipeline.ingest(ingest))
        world.pipeline.wiring.messages.send(messages)
        world.pipeline.run()


@pytest.mark.parametrize("when", ["request", "before-write", "after-write"])
def test_an_audit_finds_the_same_wherever_a_worker_dies(when: str) -> None:
    for number in range(2, 200, 3):
        world = damaged_world()
        ingest = world.pipeline.start(**AUDIT)
        has_died = die_at(world, number, when)
        try:
            world.pipeline.run()
        except Killed:
            revive(world, ingest)
        assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
        assert world.found(world.pipeline.ingest(ingest)) == FOUND
        assert world.course.damaged == len(FOUND)
        assert world.course.active_ingest is None
        if not has_died():
            return
    raise AssertionError("an audit of three files has no end")


@pytest.mark.parametrize("when", ["request", "before-write", "after-write"])
def test_a_repair_comes_to_the_same_wherever_a_worker_dies(when: str) -> None:
    for number in range(0, 200, 3):
        world = damaged_world()
        right = world.objects("far")
        right[world.key("entries.jsonl")] = world.objects("primary")[world.key("entries.jsonl")]
        world.audit()
        before = {location: world.objects(location) for location in world.buckets}
        world.forget()
        ingest = world.pipeline.start()
        has_died = die_at(world, number, when)
        try:
            world.pipeline.run()
        except Killed:
            revive(world, ingest)
        assert world.pipeline.ingest(ingest).failure is None
        assert world.objects("primary") == world.objects("far") == right
        assert world.course.damaged == 0
        told = {one.object for one in world.events(world.pipeline.ingest(ingest), "repair")}
        assert len(told) == len(FOUND)
        for location, key in world.replaced():
            assert before[location][key] != right[key]
        if not has_died():
            return
    raise AssertionError("a repair of three objects has no end")
