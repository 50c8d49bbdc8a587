"""What is to be sent next: always what the present stage waits for, from the state alone."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.clock import to_text
from course_backfill.ingests import Ingest, Leg, Packet
from course_backfill.messages import Step, StepMessage
from tests.generators import (
    MORNING,
    Stores,
    create_ingest,
    create_message,
    create_packet,
    create_replica,
)

LATER = "2026-03-02T08:00:20.000Z"
NOW = to_text(MORNING)


@pytest.fixture
def stores() -> Stores:
    return Stores()


def messages(
    stores: Stores, ingest: Ingest, *packets: Packet, replicas: tuple[str, ...] = ("primary",)
) -> list[StepMessage]:
    planning = create_ingest(status="processing", stage="planning", epoch=ingest.epoch)
    stores.ingests.add(planning, event=stores.ingests.event("accept", "succeeded", ""))
    for location in replicas:
        planned = [packet.model_copy(update={"replica": location}) for packet in packets]
        stores.packets.plan(planning, location, planned)
    some = [create_replica(len(packets), location=location) for location in replicas]
    stores.state.write(*stores.packets.replica_writes(ingest, some))
    return stores.flow.messages(ingest)


@pytest.mark.parametrize(
    ("status", "stage", "step"),
    [
        ("accepted", None, Step.PLAN),
        ("processing", "planning", Step.PLAN),
        ("processing", "warming", Step.WARM),
        ("processing", "aggregating", Step.AGGREGATE),
        ("processing", "registering", Step.REGISTER),
        ("processing", "rolling-back", Step.ROLL_BACK),
        ("failed", "rolling-back", Step.ROLL_BACK),
    ],
)
def test_a_step_of_the_whole_ingest_has_one_message(
    stores: Stores, status: str, stage: str | None, step: Step
) -> None:
    ingest = create_ingest(status=status, stage=stage, epoch=4)
    assert messages(stores, ingest, create_packet()) == [create_message(step, epoch=4)]


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_nothing_is_sent_for_an_ingest_that_has_ended(stores: Stores, status: str) -> None:
    assert messages(stores, create_ingest(status=status), create_packet()) == []


@pytest.mark.parametrize("stage", ["planning", "replicating", "verifying", "registering"])
def test_nothing_is_sent_for_a_kept_failure(stores: Stores, stage: str) -> None:
    ingest = create_ingest(status="failed", stage=stage, kept=True)
    assert messages(stores, ingest, create_packet()) == []


def of_packets(step: Step, *numbers: int | None, replica: str = "primary") -> list[StepMessage]:
    return [create_message(step, replica=replica, packet=number) for number in numbers]


STAGES = pytest.mark.parametrize(
    ("stage", "step", "done"),
    [("replicating", Step.REPLICATE, "copied"), ("verifying", Step.VERIFY, "verified")],
)


@STAGES
def test_every_undone_packet_has_a_message(
    stores: Stores, stage: str, step: Step, done: str
) -> None:
    packets = [create_packet(0), create_packet(1, **{done: "r"}), create_packet(2)]
    ingest = create_ingest(status="processing", stage=stage)
    assert messages(stores, ingest, *packets) == of_packets(step, 0, 2)


@STAGES
def test_a_claimed_packet_has_none_but_one_whose_claim_expired_has(
    stores: Stores, stage: str, step: Step, done: str
) -> None:
    packets = [
        create_packet(0, claimant="alive", claimed_until=LATER),
        create_packet(1, claimant="dead", claimed_until=NOW),
    ]
    ingest = create_ingest(status="processing", stage=stage)
    assert messages(stores, ingest, *packets) == of_packets(step, 1)


@STAGES
def test_when_all_packets_are_claimed_there_is_nothing_to_send(
    stores: Stores, stage: str, step: Step, done: str
) -> None:
    ingest = create_ingest(status="processing", stage=stage)
    packet = create_packet(0, claimant="alive", claimed_until=LATER)
    assert messages(stores, ingest, packet, create_packet(1, **{done: "r"})) == []


@STAGES
@pytest.mark.parametrize("count", [0, 1, 3])
def test_when_all_packets_are_done_the_replica_has_a_message(
    stores: Stores, stage: str, step: Step, done: str, count: int
) -> None:
    ingest = create_ingest(status="processing", stage=stage)
    packets = [create_packet(number, **{done: "r"}) for number in range(count)]
    assert messages(stores, ingest, *packets) == of_packets(step, None)


EVERYWHERE = ("primary", "cold", "far")


def in_leg(leg: Leg, stage: str, **fields: Any) -> Ingest:
    return create_ingest(
        status="processing", stage=stage, leg=leg, locations=EVERYWHERE, version="v1", **fields
    )


@STAGES
def test_every_replica_of_the_leg_has_its_own_messages(
    stores: Stores, stage: str, step: Step, done: str
) -> None:
    ingest = in_leg(Leg.LOCATIONS, stage)
    found = messages(stores, ingest, create_packet(0), create_packet(1), replicas=EVERYWHERE)
    cold, far = (of_packets(step, 0, 1, replica=one) for one in EVERYWHERE[1:])
    assert found == cold + far


@STAGES
def test_the_first_leg_knows_the_primary_alone(
    stores: Stores, stage: str, step: Step, done: str
) -> None:
    ingest = in_leg(Leg.SOURCE, stage)
    found = messages(stores, ingest, create_packet(0), replicas=EVERYWHERE)
    assert found == of_packets(step, 0)


@STAGES
def test_without_a_first_leg_the_primary_may_be_filled_in_the_second(
    stores: Stores, stage: str, step: Step, done: str
) -> None:
    ingest = in_leg(Leg.LOCATIONS, stage).model_copy(update={"version": None})
    found = messages(stores, ingest, create_packet(0), replicas=EVERYWHERE)
    assert [message.replica for message in found] == list(EVERYWHERE)


@STAGES
def test_when_the_whole_leg_is_done_one_message_says_so(
    stores: Stores, stage: str, step: Step, done: str
) -> None:
    packets = [create_packet(0, **{done: "r"}), create_packet(1, **{done: "r"})]
    found = messages(stores, in_leg(Leg.LOCATIONS, stage), *packets, replicas=EVERYWHERE)
    assert found == of_packets(step, None, replica="cold")


@STAGES
@pytest.mark.parametrize(
    ("states", "is_sent"),
    [
        (({}, {}), True),
        (({"claimant": "alive", "claimed_until": LATER}, {}), False),
        (({"claimant": "dead", "claimed_until": NOW}, {}), False),
        (("done", {}), False),
        (("done", "done"), True),
    ],
    ids=["untouched", "claimed", "died", "one-done", "all-done"],
)
def test_a_repeat_sends_a_stage_on_unless_work_on_it_has_begun(
    stores: Stores, stage: str, step: Step, done: str, *, states: Any, is_sent: bool
) -> None:
    fields = [{done: "r"} if one == "done" else one for one in states]
    packets = [create_packet(number, **one) for number, one in enumerate(fields)]
    ingest = in_leg(Leg.LOCATIONS, stage)
    found = messages(stores, ingest, *packets, replicas=EVERYWHERE)
    assert found
    assert stores.flow.unsent(ingest) == (found if is_sent else [])


@pytest.mark.parametrize("stage", ["planning", "warming", "aggregating", "registering"])
def test_a_repeat_sends_a_stage_of_the_whole_ingest_on(stores: Stores, stage: str) -> None:
    ingest = create_ingest(status="processing", stage=stage)
    assert stores.flow.unsent(ingest) == messages(stores, ingest, create_packet()) != []


def test_the_same_state_gives_the_same_messages(stores: Stores) -> None:
    ingest = create_ingest(status="processing", stage="replicating")
    found = messages(stores, ingest, create_packet(0), create_packet(1))
    assert stores.flow.messages(ingest) == found
