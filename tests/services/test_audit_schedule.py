"""The schedule of audits: everything in its period, the longest unaudited first."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from course_backfill.clock import from_text
from course_backfill.courses import CourseId
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, IngestStatus
from services.janitor.wiring import build_audit_schedule
from tests.services.memory_pipeline import MemoryPipeline

COURSES = [CourseId.parse(f"course-v1:Org+C{number}+R") for number in range(5)]


class ScheduleWorld(MemoryPipeline):
    """Five courses, registered a day after each other."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for course in COURSES:
            self.discover(course)
            self.content.save(course, "a.txt", b"alpha")
            self.backfill(course)
            self.wiring.clock.advance(days=1)

    def tick(self) -> int:
        """What the janitor's schedule does."""
        return build_audit_schedule(self.wiring).tick()

    def audits(self) -> list[Ingest]:
        """Every audit there ever was, oldest first."""
        found, _ = self.wiring.ingests.listing(limit=1_000)
        return [one for one in found if one.ingest_type == "audit-course"][::-1]

    def audited(self) -> list[str]:
        """The courses of every audit, oldest first."""
        return [one.course for one in self.audits()]


def test_nothing_is_audited_before_half_the_period() -> None:
    world = ScheduleWorld(audit_every_days=90)
    world.wiring.clock.advance(days=39)
    assert world.tick() == 0
    world.wiring.clock.advance(days=2)
    assert world.tick() == 1
    assert world.audited() == [str(COURSES[0])]
    assert world.audits()[0].requested_by == "schedule"


def test_so_many_run_at_once_and_the_longest_unaudited_come_first() -> None:
    world = ScheduleWorld(audit_every_days=2, audits_at_once=2)
    assert [world.tick() for _ in range(3)] == [2, 0, 0]
    assert world.audited() == [str(one) for one in COURSES[:2]]
    world.run()
    assert world.tick() == 2
    assert world.audited() == [str(one) for one in COURSES[:4]]


def test_everything_is_audited_in_each_period_and_nothing_twice_in_half_of_one() -> None:
    world = ScheduleWorld(audit_every_days=10)
    begin = world.wiring.clock()
    for _ in range(40 * 4):
        world.wiring.clock.advance(hours=6)
        world.tick()
        world.run()
    for course in map(str, COURSES):
        dates = [from_text(one.created_date) for one in world.audits() if one.course == course]
        gaps = [later - earlier for earlier, later in pairwise(dates)]
        assert dates[0] - begin < timedelta(days=10)
        assert len(dates) >= 4
        assert all(timedelta(days=5) <= gap <= timedelta(days=10) for gap in gaps)


def test_a_busy_course_is_passed_over() -> None:
    world = ScheduleWorld(audit_every_days=2)
    world.start(COURSES[0])
    assert world.tick() == 1
    assert world.audited() == [str(COURSES[1])]


def test_a_course_whose_audit_failed_lets_the_others_go_first_and_comes_a_day_later() -> None:
    world = ScheduleWorld(audit_every_days=2)
    world.tick()
    (audit,) = world.audits()
    world.wiring.lifecycle.cancel(audit.id, by="operator")
    world.run()
    world.tick()
    assert world.audited() == [str(COURSES[0]), str(COURSES[1])]
    world.run()
    world.wiring.clock.advance(days=1)
    world.tick()
    assert world.audited()[-1] == str(COURSES[0])


def fail(world: ScheduleWorld, audit: Ingest) -> None:
    """Ends an audit before it looks at anything."""
    world.wiring.messages.waiting.clear()
    failure = Failure.of_ingest("storage-refused", "denied", stage="planning")
    world.wiring.lifecycle.fail(world.wiring.ingests.get(audit.id), failure)


def test_courses_whose_audits_fail_for_ever_keep_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.janitor.audit_schedule.LOOKED_AT", 2)
    world = ScheduleWorld(audit_every_days=4)
    failing = {str(one) for one in COURSES[:2]}
    for _ in range(8 * 24):
        world.wiring.clock.advance(hours=1)
        world.tick()
        for audit in world.audits():
            if audit.course in failing and not audit.status.is_end:
                fail(world, audit)
        world.run()
    audited = Counter(world.audited())
    assert all(audited[str(one)] >= 2 for one in COURSES[2:])
    assert all(audited[one] >= 4 for one in failing)


def test_the_pause_doubles_with_each_failure_up_to_half_the_period_and_ends_with_success() -> None:
    world = ScheduleWorld(audit_every_days=20)
    fails: list[datetime] = []
    for _ in range(40 * 24):
        world.wiring.clock.advance(hours=1)
        world.tick()
        for audit in world.audits():
            if audit.course == str(COURSES[0]) and not audit.status.is_end:
                fails.append(world.wiring.clock())
                fail(world, audit)
        world.run()
    gaps = [(later - earlier) / timedelta(days=1) for earlier, later in pairwise(fails)]
    assert [round(gap) for gap in gaps[:6]] == [1, 2, 4, 8, 10, 10]
    world.wiring.clock.advance(days=10)
    world.tick()
    world.run()
    assert world.wiring.courses.get(str(COURSES[0])).failed_audits == 0


def test_other_ingests_that_fail_pause_no_audit() -> None:
    world = ScheduleWorld(audit_every_days=4)
    for _ in range(60):
        backfill = world.start(COURSES[0])
        world.wiring.lifecycle.cancel(backfill, by="operator")
        world.run()
        world.wiring.clock.advance(hours=12)
        world.tick()
        world.run()
    assert Counter(world.audited())[str(COURSES[0])] >= 5


def test_zero_days_start_no_audit() -> None:
    world = ScheduleWorld(audit_every_days=0)
    world.wiring.clock.advance(days=1_000)
    assert world.tick() == 0


def test_of_two_schedules_at_once_one_starts() -> None:
    world = ScheduleWorld(audit_every_days=2)
    others: list[int] = []
    world.wiring.state.before_write = lambda writes: others.append(world.tick())
    assert world.tick() == 0
    assert sum(others) == 1
    assert len(world.audits()) == 1


def test_a_start_that_died_before_the_audit_was_stored_takes_no_room() -> None:
    world = ScheduleWorld(audit_every_days=2)

    def die(writes: object) -> None:
        world.wiring.state.after_write = None
        raise RuntimeError("killed")

    world.wiring.state.after_write = die
    with pytest.raises(RuntimeError, match="killed"):
        world.tick()
    assert world.audits() == []
    assert world.tick() == 1


def test_an_audit_of_some_locations_leaves_the_course_in_its_place() -> None:
    second = {"id": "second", "bucket": "second-bucket"}
    primary = {"id": "primary", "bucket": "primary-bucket"}
    world = ScheduleWorld(audit_every_days=2, locations=[primary, second])
    before = world.wiring.courses.get(str(COURSES[0])).unaudited_since
    world.backfill(COURSES[0], ingest_type="audit-course", locations=("second",))
    assert world.wiring.courses.get(str(COURSES[0])).unaudited_since == before
    audit = world.backfill(COURSES[0], ingest_type="audit-course", locations=())
    assert audit.status is IngestStatus.SUCCEEDED
    assert world.wiring.courses.get(str(COURSES[0])).unaudited_since != before
