"""Holding a claim: kept alive while the work lasts, given back when it breaks off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from course_backfill.claims import HeldClaim
from course_backfill.errors import Fenced, StateUnavailable
from course_backfill.ingests import Ingest, Packet
from course_backfill.standstill import is_stalled
from course_backfill.stores.packet_counters import PacketEnd
from tests.generators import (
    LEASE,
    RESEND_AFTER,
    Stores,
    create_ingest,
    create_packet,
    create_replica,
)

OFTEN = 0.001
NEVER = 3_600.0
PATIENCE = 30.0


@pytest.fixture
def stores() -> Stores:
    return Stores()


def held(stores: Stores, *, every: float) -> tuple[Ingest, Packet, HeldClaim]:
    planning = create_ingest(status="processing", stage="planning")
    stores.ingests.add(planning, event=stores.ingests.event("accept", "succeeded", ""))
    stores.packets.plan(planning, "primary", [create_packet()])
    stores.state.write(*stores.packets.replica_writes(planning, [create_replica()]))
    ingest = stores.ingests.update(
        planning.id, lambda now: now.model_validate(now.model_dump() | {"stage": "replicating"})
    )
    packet = stores.packets.claim(ingest, "primary", 0, claimant="worker")
    assert packet is not None
    return ingest, packet, HeldClaim(stores.packets, ingest, packet, every=every)


def wait_for(happened: Callable[[], bool]) -> None:
    """Gives the renewing thread its time, and fails only if it takes half a minute."""
    gave_up = threading.Event()
    timer = threading.Timer(PATIENCE, gave_up.set)
    timer.start()
    while not happened() and not gave_up.wait(0.001):
        pass
    timer.cancel()
    timer.join()
    assert happened()


def claimed_until(stores: Stores) -> str:
    return stores.packets.get("ingest-1", "primary", 0).claimed_until or ""


def _is_claimed_beyond(stores: Stores, before: str) -> bool:
    return claimed_until(stores) > before


def renewing_ended() -> bool:
    return all(thread.name != "claim" for thread in threading.enumerate())


def work_until_lost(claim: HeldClaim) -> None:
    with claim:
        wait_for(renewing_ended)
        claim.check()


def test_the_claim_is_renewed_while_the_work_lasts(stores: Stores) -> None:
    _, _, claim = held(stores, every=OFTEN)
    with claim:
        for _ in range(3):
            before = claimed_until(stores)
            stores.clock.advance(seconds=LEASE.total_seconds() / 2)
            wait_for(partial(_is_claimed_beyond, stores, before))
        claim.check()
    assert renewing_ended()


def test_work_that_ends_well_leaves_the_claim_to_the_record_of_its_end(stores: Stores) -> None:
    ingest, packet, claim = held(stores, every=NEVER)
    with claim:
        assert stores.packets.copied(ingest, packet, PacketEnd("r", size=100))
    assert stores.packets.get("ingest-1", "primary", 0).claimant is None
    assert renewing_ended()


@pytest.mark.parametrize("error", [StateUnavailable, RuntimeError, KeyboardInterrupt])
def test_work_that_breaks_off_gives_the_claim_back(
    stores: Stores, error: type[BaseException]
) -> None:
    ingest, _, claim = held(stores, every=NEVER)
    with pytest.raises(error), claim:
        raise error("broken off")
    assert stores.packets.claim(ingest, "primary", 0, claimant="next") is not None
    assert renewing_ended()


def test_a_claim_that_another_worker_took_over_is_lost(stores: Stores) -> None:
    ingest, _, claim = held(stores, every=OFTEN)
    stores.clock.advance(seconds=LEASE.total_seconds() + 1)
    assert stores.packets.claim(ingest, "primary", 0, claimant="successor") is not None
    with pytest.raises(Fenced):
        work_until_lost(claim)
    assert stores.packets.get("ingest-1", "primary", 0).claimant == "successor"


def test_a_claim_of_an_ingest_that_moved_on_is_lost(stores: Stores) -> None:
    ingest, _, claim = held(stores, every=OFTEN)
    stores.ingests.update(ingest.id, lambda now: now.model_copy(update={"epoch": 2}))
    with pytest.raises(Fenced):
        work_until_lost(claim)


@pytest.mark.parametrize("error", [StateUnavailable("DynamoDB is away"), RuntimeError("a bug")])
def test_a_renewal_that_failed_comes_through_as_itself(
    stores: Stores, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, claim = held(stores, every=OFTEN)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(stores.packets, "renew", fail)
    with pytest.raises(type(error)):
        work_until_lost(claim)


@pytest.mark.parametrize("comes_to_checks", [True, False])
def test_a_claim_shows_that_work_goes_on_only_where_the_work_comes_to_its_checks(
    stores: Stores, *, comes_to_checks: bool
) -> None:
    ingest, packet, claim = held(stores, every=NEVER)
    with claim:
        for _ in range(60):
            stores.clock.advance(minutes=1)
            assert stores.packets.renew(ingest, packet)
            if comes_to_checks:
                claim.check()
        now = stores.ingests.get(ingest.id)
        stalled = is_stalled(now, [], [], now=stores.clock(), after=RESEND_AFTER)
    assert stalled is not comes_to_checks
