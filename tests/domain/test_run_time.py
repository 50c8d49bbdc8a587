"""The time of a run: who hears of its end, and when."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import pytest

from course_backfill.claims import HeldClaim
from course_backfill.errors import Fenced, OutOfTime
from course_backfill.run_time import MARGIN_SECONDS, deadline, in_time, limited
from tests.generators import Stores, create_ingest, create_packet, create_replica


class Moment:
    """A clock that a test sets."""

    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Moment:
    return Moment()


def test_a_run_stops_so_shortly_before_its_end_as_to_give_back_what_it_has(now: Moment) -> None:
    with limited(300, now=now):
        now.seconds += 300 - MARGIN_SECONDS - 0.001
        deadline().check()
        now.seconds += 0.001
        with pytest.raises(OutOfTime, match="not done in a run of 300 s"):
            deadline().check()


def test_outside_of_a_run_and_after_it_nothing_is_limited(now: Moment) -> None:
    deadline().check()
    with limited(0, now=now), limited(1_000, now=now):
        deadline().check()
    deadline().check()
    assert list(in_time(range(3))) == [0, 1, 2]


def test_a_run_that_fails_leaves_no_limit_behind(now: Moment) -> None:
    with pytest.raises(RuntimeError), limited(0, now=now):
        raise RuntimeError
    deadline().check()


def test_what_streams_stops_between_two_items(now: Moment) -> None:
    taken = []

    def take() -> None:
        for one in in_time(count()):
            taken.append(one)
            now.seconds += 1

    with limited(MARGIN_SECONDS + 3, now=now), pytest.raises(OutOfTime):
        take()
    assert taken == [0, 1, 2]


def test_two_runs_at_a_time_have_each_their_own_end(now: Moment) -> None:
    heard: list[str] = []

    def other() -> None:
        with limited(1_000, now=now):
            deadline().check()
            heard.append("went on")

    with limited(0, now=now):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with pytest.raises(OutOfTime):
            deadline().check()
    assert heard == ["went on"]


def test_a_claim_tells_its_runs_end_in_every_thread_and_is_given_back(now: Moment) -> None:
    stores, claim = claimed(now, seconds=MARGIN_SECONDS + 10)

    def work() -> None:
        with claim, ThreadPoolExecutor(1) as threads:
            threads.submit(claim.check).result()
            now.seconds += 10
            threads.submit(claim.check).result()

    with pytest.raises(OutOfTime):
        work()
    assert stores.packets.get("ingest-1", "primary", 0).claimed_until is None


def test_whoever_lost_the_claim_is_fenced_and_not_late(now: Moment) -> None:
    stores, claim = claimed(now, seconds=0)
    stores.ingests.update(
        "ingest-1", lambda ingest: ingest.model_copy(update={"epoch": ingest.epoch + 1})
    )

    def check_until_fenced() -> None:
        with claim:
            while True:
                with suppress(OutOfTime):
                    claim.check()

    with pytest.raises(Fenced):
        check_until_fenced()


def claimed(now: Moment, *, seconds: float) -> tuple[Stores, HeldClaim]:
    """A claim on the only packet, held by a run that has so long."""
    stores = Stores()
    planning = create_ingest(status="processing", stage="planning")
    stores.ingests.add(planning, event=stores.ingests.event("accept", "succeeded", ""))
    stores.packets.plan(planning, "primary", [create_packet()])
    stores.state.write(*stores.packets.replica_writes(planning, [create_replica()]))
    ingest = stores.ingests.update(
        planning.id, lambda one: one.model_validate(one.model_dump() | {"stage": "replicating"})
    )
    packet = stores.packets.claim(ingest, "primary", 0, claimant="worker")
    assert packet
    with limited(seconds, now=now):
        return stores, HeldClaim(stores.packets, ingest, packet, every=0.001)
