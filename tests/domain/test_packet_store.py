"""Packets at work: one worker each, counted once, and whole again when taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.errors import ConditionFailed, Fenced, NotFound, StateUnavailable
from course_backfill.ingests import Ingest, Packet, Stage
from course_backfill.ports import Write
from course_backfill.stores.packet_counters import PacketEnd
from course_backfill.stores.packets import PLANNED_TOGETHER
from tests.generators import LEASE, Stores, create_ingest, create_packet, create_replica

PRIMARY = "primary"


def planned(stores: Stores, *packets: Packet, stage: Stage = Stage.REPLICATING) -> Ingest:
    """An ingest at that stage with these packets."""
    ingest = create_ingest(status="processing", stage="planning")
    stores.ingests.add(ingest, event=stores.ingests.event("accept", "succeeded", ""))
    stores.packets.plan(ingest, PRIMARY, packets)
    stores.state.write(*stores.packets.replica_writes(ingest, [create_replica(len(packets))]))
    return at(stores, stage)


def at(stores: Stores, stage: Stage, *, epoch: int = 1) -> Ingest:
    change = {"stage": stage, "epoch": epoch}
    return stores.ingests.update("ingest-1", lambda now: now.model_copy(update=change))


def claimed(stores: Stores, ingest: Ingest, number: int = 0, claimant: str = "worker") -> Packet:
    packet = stores.packets.claim(ingest, PRIMARY, number, claimant=claimant)
    assert packet is not None
    return packet


def counters(stores: Stores) -> dict[str, int]:
    replica = stores.packets.replica("ingest-1", PRIMARY)
    named = replica.model_dump(exclude={"location", "status", "started_date", "progress_date"})
    return {name: value for name, value in named.items() if value}


@pytest.fixture
def stores() -> Stores:
    return Stores()


@pytest.mark.parametrize("count", [0, 1, PLANNED_TOGETHER, 2 * PLANNED_TOGETHER + 1])
def test_planned_packets_come_back_in_the_order_of_the_inventory(
    stores: Stores, count: int
) -> None:
    packets = [create_packet(number) for number in range(count)]
    planned(stores, *packets)
    assert list(stores.packets.packets("ingest-1", PRIMARY)) == packets
    assert [one.packets for one in stores.packets.replicas("ingest-1")] == [count]


def test_another_plan_leaves_no_packet_of_the_one_before(stores: Stores) -> None:
    ingest = planned(
        stores, *(create_packet(number, length=7) for number in range(3)), stage=Stage.PLANNING
    )
    again = [create_packet(0), create_packet(1)]
    stores.packets.plan(ingest, PRIMARY, again)
    assert list(stores.packets.packets("ingest-1", PRIMARY)) == again


def test_once_planned_packets_belong_to_the_workers(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    claimed(stores, ingest)
    late = ingest.model_copy(update={"stage": Stage.PLANNING})
    with pytest.raises(Fenced):
        stores.packets.plan(late, PRIMARY, [create_packet(length=7)])
    assert stores.packets.get("ingest-1", PRIMARY, 0).claimant == "worker"


def test_what_was_not_planned_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.packets.get("ingest-1", PRIMARY, 0)
    with pytest.raises(NotFound):
        stores.packets.replica("ingest-1", PRIMARY)
    assert stores.packets.replicas("ingest-1") == []


def test_while_a_claim_lives_nobody_else_gets_the_packet(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    assert claimed(stores, ingest).attempts == 1
    stores.clock.advance(seconds=LEASE.total_seconds() - 1)
    assert stores.packets.claim(ingest, PRIMARY, 0, claimant="other") is None
    assert stores.packets.get("ingest-1", PRIMARY, 0).attempts == 1


def test_an_expired_claim_is_taken_over_and_the_attempts_counted(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    claimed(stores, ingest, claimant="dead")
    stores.clock.advance(seconds=LEASE.total_seconds() + 1)
    assert claimed(stores, ingest, claimant="successor").attempts == 2


def test_of_two_that_see_an_unclaimed_packet_one_gets_it(stores: Stores) -> None:
    ingest = planned(stores, create_packet())

    def be_faster(writes: Sequence[Write]) -> None:
        claimed(stores, ingest, claimant="faster")

    stores.state.before_write = be_faster
    assert stores.packets.claim(ingest, PRIMARY, 0, claimant="slower") is None
    assert stores.packets.get("ingest-1", PRIMARY, 0).claimant == "faster"


def test_a_renewed_claim_lives_on(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    packet = claimed(stores, ingest)
    for _ in range(5):
        stores.clock.advance(seconds=LEASE.total_seconds() - 1)
        assert stores.packets.renew(ingest, packet)
    assert stores.packets.claim(ingest, PRIMARY, 0, claimant="other") is None


@pytest.mark.parametrize("version", [None, "v1"])
def test_another_plan_leaves_no_replica_of_the_one_before_but_a_versions_primary(
    stores: Stores, version: str | None
) -> None:
    ingest = planned(stores, create_packet()).model_copy(update={"version": version})
    for names in (["cold", "far"], ["far", "second"]):
        some = [create_replica(location=name) for name in names]
        stores.state.write(*stores.packets.replica_writes(ingest, some))
    left = {one.location for one in stores.packets.replicas(ingest.id)}
    assert left == {"far", "second"} | ({PRIMARY} if version else set())


def test_a_claim_by_a_clock_that_is_ahead_holds_nobody_up(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    stores.clock.advance(days=365)
    ahead = claimed(stores, ingest, claimant="ahead")
    stores.clock.advance(days=-365)
    assert [one.packet for one in stores.flow.messages(ingest)] == [0]
    claimed(stores, ingest, claimant="next")
    assert not stores.packets.renew(ingest, ahead)


def test_a_claim_by_a_clock_that_is_a_little_ahead_is_one(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    stores.clock.advance(seconds=LEASE.total_seconds() - 1)
    claimed(stores, ingest, claimant="ahead")
    stores.clock.advance(seconds=1 - LEASE.total_seconds())
    assert stores.flow.messages(ingest) == []
    assert stores.packets.claim(ingest, PRIMARY, 0, claimant="next") is None


def test_a_released_packet_can_be_claimed_at_once(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    stores.packets.release(ingest, claimed(stores, ingest))
    claimed(stores, ingest, claimant="next")


def test_a_late_worker_neither_renews_nor_releases_nor_records(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    late = claimed(stores, ingest, claimant="late")
    stores.clock.advance(seconds=LEASE.total_seconds() + 1)
    claimed(stores, ingest, claimant="successor")
    assert not stores.packets.renew(ingest, late)
    stores.packets.release(ingest, late)
    assert not stores.packets.copied(ingest, late, PacketEnd("r", size=100))
    found = stores.packets.get("ingest-1", PRIMARY, 0)
    assert (found.claimant, found.copied) == ("successor", None)
    assert counters(stores) == {"packets": 1}


@pytest.mark.parametrize(("stage", "epoch"), [(Stage.ROLLING_BACK, 2), (Stage.VERIFYING, 1)])
def test_once_the_ingest_moved_on_nothing_is_claimed_or_recorded(
    stores: Stores, stage: Stage, epoch: int
) -> None:
    ingest = planned(stores, create_packet(0), create_packet(1))
    packet = claimed(stores, ingest)
    at(stores, stage, epoch=epoch)
    assert stores.packets.claim(ingest, PRIMARY, 1, claimant="late") is None
    assert not stores.packets.renew(ingest, packet)
    assert not stores.packets.copied(ingest, packet, PacketEnd("r", size=100))
    with pytest.raises(ConditionFailed):
        stores.packets.reopen(ingest, packet.model_copy(update={"copied": "r"}))
    assert counters(stores) == {"packets": 2}


def test_a_worker_that_outlived_its_claim_still_records_if_nobody_took_over(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    packet = claimed(stores, ingest)
    stores.clock.advance(hours=1)
    assert stores.packets.copied(ingest, packet, PacketEnd("r", size=100))


def test_a_packets_end_counts_it_and_gives_the_claim_back(stores: Stores) -> None:
    ingest = planned(stores, create_packet(objects=10, bytes=100))
    packet = claimed(stores, ingest)
    assert stores.packets.copied(ingest, packet, PacketEnd("r", size=70, bad=2, removed=1))
    done = stores.packets.get("ingest-1", PRIMARY, 0)
    assert (done.copied, done.bytes_copied, done.bad, done.removed) == ("r", 70, 2, 1)
    assert (done.claimant, done.claimed_until) == (None, None)
    assert counters(stores) == {
        "packets": 1, "packets_copied": 1, "objects_done": 7, "bytes_done": 70,
        "bytes_left_out": 30, "bad": 2, "removed": 1,
    }  # fmt: skip


def test_an_end_whose_answer_was_lost_is_not_counted_twice(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    packet = claimed(stores, ingest)

    def lose(writes: Sequence[Write]) -> None:
        raise StateUnavailable("the answer got lost")

    stores.state.after_write = lose
    with pytest.raises(StateUnavailable):
        stores.packets.copied(ingest, packet, PacketEnd("r", size=100))
    stores.state.after_write = None
    assert not stores.packets.copied(ingest, packet, PacketEnd("again", size=100))
    assert stores.packets.claim(ingest, PRIMARY, 0, claimant="next") is None
    assert counters(stores)["packets_copied"] == 1


def test_a_copied_packet_can_be_claimed_to_verify_it_and_a_verified_one_cannot(
    stores: Stores,
) -> None:
    ingest = planned(stores, create_packet())
    stores.packets.copied(ingest, claimed(stores, ingest), PacketEnd("r", size=100))
    assert stores.packets.claim(ingest, PRIMARY, 0, claimant="again") is None
    ingest = at(stores, Stage.VERIFYING)
    packet = claimed(stores, ingest)
    assert stores.packets.verified_packet(ingest, packet, result="v", mismatched=0, size=100)
    assert stores.packets.claim(ingest, PRIMARY, 0, claimant="again") is None
    assert counters(stores)["packets_verified"] == 1


COUNTS = st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.integers(0, 3))


@given(st.lists(COUNTS, min_size=1, max_size=4), st.data())
def test_taking_packets_back_restores_the_counters_exactly(
    counts: list[tuple[int, int, bool, int]], data: st.DataObject
) -> None:
    stores = Stores()
    packets = [create_packet(number, objects=6, bytes=60) for number in range(len(counts))]
    ingest = planned(stores, *packets)
    reopened = data.draw(st.sets(st.sampled_from(range(len(counts)))))
    history: dict[bool, dict[str, int]] = {}
    for keeps_all in (False, True):
        stores = Stores()
        ingest = planned(stores, *packets)
        done = [n for n in range(len(counts)) if keeps_all or n not in reopened]
        work_on(stores, ingest, {n: counts[n] for n in done})
        if keeps_all:
            ingest = at(stores, Stage.PLANNING, epoch=2)
            for number in reopened:
                stores.packets.reopen(ingest, stores.packets.get("ingest-1", PRIMARY, number))
        history[keeps_all] = counters(stores)
        pristine = [stores.packets.get("ingest-1", PRIMARY, number) for number in reopened]
        for packet in pristine:
            assert packet.model_copy(update={"attempts": 0}) == packets[packet.number]
    assert history[True] == history[False]


def work_on(stores: Stores, ingest: Ingest, counts: dict[int, tuple[int, int, bool, int]]) -> None:
    for number, (bad, removed, _, _) in counts.items():
        packet = claimed(stores, ingest, number)
        end = PacketEnd("r", size=60 - 7 * bad - number, bad=bad, removed=removed)
        assert stores.packets.copied(ingest, packet, end)
    ingest = at(stores, Stage.VERIFYING)
    for number, (_, _, is_verified, mismatched) in counts.items():
        if is_verified:
            packet = claimed(stores, ingest, number)
            ends: dict[str, Any] = {"result": "v", "mismatched": mismatched, "size": 10 * number}
            assert stores.packets.verified_packet(ingest, packet, **ends)


def test_a_packet_is_taken_back_once(stores: Stores) -> None:
    ingest = planned(stores, create_packet())
    stores.packets.copied(ingest, claimed(stores, ingest), PacketEnd("r", size=100, bad=1))
    packet = stores.packets.get("ingest-1", PRIMARY, 0)
    stores.packets.reopen(ingest, packet)
    with pytest.raises(ConditionFailed):
        stores.packets.reopen(ingest, packet)
    assert counters(stores) == {"packets": 1}
