"""The records of discoveries: stored, gone on with by one at a time, ended once, scheduled."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from course_backfill.courses import CourseId
from course_backfill.discoveries import Discovery
from course_backfill.errors import ConditionFailed, NotFound, OutOfTime
from course_backfill.failures import Failure
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from course_backfill.run_time import MARGIN_SECONDS, limited
from course_backfill.stores.discoveries import SCHEDULED, DiscoveryStore
from services.planner.wiring import build_discoverer
from tests.services.memory_pipeline import MemoryWiring

HOUR = timedelta(hours=1)
DENIED = Failure.of_ingest("source-refused", "denied", stage="discovering")


@pytest.fixture
def wiring() -> MemoryWiring:
    return MemoryWiring()


@pytest.fixture
def store(wiring: MemoryWiring) -> DiscoveryStore:
    return wiring.discoveries


def test_a_discovery_is_accepted_and_ends_with_what_it_found(store: DiscoveryStore) -> None:
    added = store.add("d1", by="operator")
    assert (added.status, added.requested_by) == (IngestStatus.ACCEPTED, "operator")
    found = store.advance(added, found=4, added=1, checked_up_to="")
    assert store.succeed(found) == store.get("d1")
    ended = store.get("d1")
    assert (ended.status, ended.found, ended.added) == (IngestStatus.SUCCEEDED, 4, 1)
    assert ended.ended_date


def test_a_discovery_ends_once_and_keeps_what_it_had_found(store: DiscoveryStore) -> None:
    found = store.advance(store.add("d1", by="operator"), found=4, added=1, checked_up_to="")
    store.fail("d1", DENIED)
    store.fail("d1", Failure.of_ingest("dead-letter", "later", stage="discovering"))
    for go_on in (store.succeed, store.advance):
        with pytest.raises(ConditionFailed):
            go_on(found)
    ended = store.get("d1")
    assert (ended.status, ended.found, ended.failure) == (IngestStatus.FAILED, 4, DENIED)


def test_only_one_goes_on_with_a_discovery(store: DiscoveryStore) -> None:
    seen = store.advance(store.add("d1", by="operator"), checked_up_to="")
    store.advance(seen, checked=1, checked_up_to="a")
    for go_on in (store.succeed, store.advance):
        with pytest.raises(ConditionFailed):
            go_on(seen)
    assert store.get("d1").checked == 1


def test_an_id_is_taken_once_and_an_unknown_one_is_not_found(store: DiscoveryStore) -> None:
    store.add("d1", by="operator")
    with pytest.raises(ConditionFailed):
        store.add("d1", by="operator")
    with pytest.raises(NotFound):
        store.get("d2")
    with pytest.raises(NotFound):
        store.fail("d2", DENIED)


def scheduled(store: DiscoveryStore) -> Discovery:
    found = store.schedule(HOUR)
    assert found is not None
    return found


def test_a_schedule_begins_one_and_leaves_one_under_way_in_its_place(
    wiring: MemoryWiring, store: DiscoveryStore
) -> None:
    begun = scheduled(store)
    assert (begun.id, begun.requested_by) == (SCHEDULED, "schedule")
    wiring.clock.advance(hours=5)
    going = store.advance(begun, found=3, checked_up_to="")
    assert store.schedule(HOUR) == going


def test_many_machines_begin_one_discovery_in_an_interval(
    wiring: MemoryWiring, store: DiscoveryStore
) -> None:
    store.succeed(scheduled(store))
    wiring.clock.advance(minutes=29)
    assert store.schedule(HOUR) is None
    wiring.clock.advance(minutes=2)
    assert scheduled(store).status is IngestStatus.ACCEPTED


def test_a_late_worker_of_the_last_scheduled_discovery_cannot_touch_the_next(
    wiring: MemoryWiring, store: DiscoveryStore
) -> None:
    late = scheduled(store)
    store.fail(SCHEDULED, DENIED)
    wiring.clock.advance(hours=1)
    begun = scheduled(store)
    assert begun.failure is None
    with pytest.raises(ConditionFailed):
        store.advance(late, found=9, checked_up_to="")
    assert store.get(SCHEDULED) == begun


def test_a_discovery_that_one_run_has_no_time_for_goes_on_with_what_is_not_known_yet(
    wiring: MemoryWiring, store: DiscoveryStore
) -> None:
    for number in range(6):
        wiring.content.save(CourseId.parse(f"course-v1:Org+C{number}+Run"), "a.txt", b"a")
    store.add("d1", by="operator")
    discoverer, looks = build_discoverer(wiring), count()

    with limited(MARGIN_SECONDS + 4, now=lambda: next(looks)):
        discoverer.answer("d1")
    [message] = wiring.messages.waiting
    assert message.step is Step.DISCOVER
    assert 0 < store.get("d1").added < 6

    discoverer.answer("d1")
    ended = store.get("d1")
    assert (ended.status, ended.found, ended.added) == (IngestStatus.SUCCEEDED, 6, 6)


def test_a_discovery_that_gets_no_further_in_a_run_says_so(
    wiring: MemoryWiring, store: DiscoveryStore
) -> None:
    wiring.content.save(CourseId.parse("course-v1:Org+C+Run"), "a.txt", b"a")
    store.add("d1", by="operator")
    with limited(MARGIN_SECONDS), pytest.raises(OutOfTime):
        build_discoverer(wiring).answer("d1")
