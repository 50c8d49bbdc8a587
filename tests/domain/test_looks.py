"""Looks: what is asked for, what is known then, and when to look again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.clock import to_text
from course_backfill.cold.estimates import money
from course_backfill.cold.looks import (
    KEEP_MARGIN,
    MAX_ROUNDS,
    Look,
    Need,
    is_overdue,
    is_raised,
    is_worn_out,
    keep_until,
    need,
    next_look,
    said_of,
    warmed,
)
from course_backfill.cold.prices import PriceTable
from course_backfill.cold.storage import Restore, Tier, Warmth, warmth
from course_backfill.cold.tiers import with_tier
from course_backfill.cold.warming import PendingRestores, RestoreWish, Warming
from course_backfill.errors import Conflict
from course_backfill.ingests import IngestStatus, Stage
from tests.generators import MORNING, create_ingest

PRICES = PriceTable()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLL = timedelta(minutes=15)
times = st.timedeltas(timedelta(), timedelta(days=30))


def create_warming(**fields: object) -> Warming:
    defaults: dict[str, object] = {
        "objects": 3,
        "bytes": 30,
        "asked": 3,
        "asked_tier": Tier.STANDARD,
        "wished_tier": Tier.STANDARD,
        "started_date": to_text(MORNING),
    }
    return Warming.model_validate(defaults | fields)


def create_look(*states: Warmth, now: datetime = MORNING, asked: bool = True) -> Look:
    look = Look(now=now)
    for state in states:
        look.found(state, 10, None)
    if asked and look.cold:
        look.asked = look.cold
        look.took(Tier.STANDARD, soonest=3 * HOUR, longest=5 * HOUR)
    return look


@given(
    st.sampled_from([None, "GLACIER", "DEEP_ARCHIVE"]),
    st.none() | st.builds(Restore, st.none() | times.map(lambda gap: MORNING + gap)),
    times,
    st.booleans(),
)
def test_everything_that_cannot_be_read_for_long_enough_is_seen_to(
    archive: str | None, restore: Restore | None, margin: timedelta, is_raising: bool
) -> None:
    state = warmth(archive, restore, MORNING)
    until = MORNING + margin
    found = need(state, restore, keep_until=until, is_raising=is_raising)
    if archive is None and restore is None:
        assert found is Need.NOTHING
    if state is Warmth.COLD:
        assert found is Need.ASK
    if state is Warmth.READABLE and found is Need.NOTHING and restore and restore.expires:
        assert restore.expires >= until
    if found is Need.SPEED_UP:
        assert is_raising


def test_the_first_look_begins_the_round() -> None:
    warming = warmed(None, create_look(Warmth.COLD, Warmth.READABLE), RestoreWish())
    assert (warming.objects, warming.asked, warming.ready, warming.rounds) == (2, 1, 1, 1)
    assert warming.is_asked
    assert warming.started_date == to_text(MORNING)
    assert warming.ready_from_date == to_text(MORNING + 3 * HOUR)
    assert warming.ready_by_date == to_text(MORNING + 5 * HOUR)


def test_a_later_look_keeps_what_s3_said_before() -> None:
    before = warmed(None, create_look(Warmth.COLD), RestoreWish())
    after = warmed(before, create_look(Warmth.RESTORING, now=MORNING + HOUR), RestoreWish())
    assert after.model_copy(update={"asked": 1}) == before


def test_what_goes_cold_after_all_was_asked_for_begins_a_new_round() -> None:
    later = MORNING + DAY
    look = create_look(Warmth.COLD, Warmth.READABLE, Warmth.READABLE, now=later)
    after = warmed(create_warming(asked=0, ready=3), look, RestoreWish())
    assert (after.rounds, after.started_date) == (2, to_text(later))


def test_what_a_run_had_no_time_for_begins_no_new_round() -> None:
    cut = create_look(Warmth.COLD, Warmth.COLD, Warmth.COLD)
    cut.asked, cut.cut_at = 1, "primary\nkey-1"
    before = warmed(None, cut, RestoreWish())
    assert not before.is_asked
    after = warmed(before, create_look(Warmth.RESTORING, Warmth.COLD, Warmth.COLD), RestoreWish())
    assert (after.rounds, after.is_asked, after.raised_to) == (1, True, None)


@pytest.mark.parametrize(
    ("wished", "wish", "expected"),
    [
        (None, Tier.BULK, True),
        (Tier.BULK, Tier.STANDARD, True),
        (Tier.STANDARD, Tier.STANDARD, False),
        (Tier.EXPEDITED, Tier.STANDARD, False),
    ],
)
def test_only_a_faster_wish_is_asked_for_again(
    wished: Tier | None, wish: Tier, expected: bool
) -> None:
    before = create_warming(wished_tier=wished)
    assert is_raised(before, RestoreWish(tier=wish)) is expected


def test_what_others_asked_for_is_sped_up_unless_the_cost_is_limited() -> None:
    assert is_raised(None, RestoreWish())
    assert not is_raised(None, RestoreWish(max_cost_cents=10**6))


def test_a_raise_that_was_cut_short_is_not_done_yet() -> None:
    look = create_look(Warmth.RESTORING, Warmth.RESTORING, Warmth.RESTORING)
    look.cut_at = "primary\nkey-1"
    after = warmed(create_warming(), look, RestoreWish(tier=Tier.EXPEDITED))
    assert after.raised_to == "primary\nkey-1"
    assert is_raised(after, RestoreWish(tier=Tier.EXPEDITED))


def test_nothing_is_asked_for_after_the_last_round() -> None:
    assert not is_worn_out(None)
    assert not is_worn_out(create_warming(rounds=MAX_ROUNDS - 1))
    assert is_worn_out(create_warming(rounds=MAX_ROUNDS))
    assert not is_worn_out(create_warming(rounds=MAX_ROUNDS, asked=0)), "its round has just begun"


def test_it_is_overdue_when_the_patience_is_over() -> None:
    warming = create_warming()
    assert not is_overdue(warming, MORNING + 95 * HOUR, timedelta(hours=96))
    assert is_overdue(warming, MORNING + 96 * HOUR, timedelta(hours=96))


def test_copies_are_kept_for_the_margin_and_promised_ones_for_their_days() -> None:
    wish, later = RestoreWish(days=7), MORNING + 2 * DAY
    before = create_warming()
    assert keep_until(before, wish, later, is_promised=False) == later + KEEP_MARGIN
    assert keep_until(before, wish, later, is_promised=True) == MORNING + 7 * DAY
    assert keep_until(None, wish, later, is_promised=True) == later + 7 * DAY


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.none() | times.map(lambda gap: MORNING + gap),
    st.none() | times.map(lambda gap: MORNING + gap),
)
def test_the_next_look_is_neither_too_soon_nor_after_a_copy_has_gone(
    restoring: int, ready: int, ready_from: datetime | None, expires: datetime | None
) -> None:
    look = create_look(*[Warmth.RESTORING] * restoring, *[Warmth.READABLE] * ready)
    look.expires = expires
    warming = create_warming(ready_from_date=to_text(ready_from) if ready_from else None)
    due = next_look(warming, look, poll=POLL)
    if due is None:
        assert not restoring
        assert expires is None
        return
    assert due >= MORNING + POLL
    if expires is not None and expires - KEEP_MARGIN > MORNING + POLL:
        assert due <= expires - KEEP_MARGIN


def test_it_is_said_how_many_can_be_read_and_when_all_can() -> None:
    look = create_look(Warmth.RESTORING, Warmth.READABLE)
    said = said_of(create_warming(ready_by_date="2026-03-02T13:00:00.000Z"), look)
    assert (
        said == "1 of 2 cold object(s) can be read, all by 2026-03-02T13:00:00.000Z at the latest"
    )


# --- raising the tier ---


@given(st.sampled_from(Tier), st.sampled_from(Tier))
def test_a_wish_only_ever_gets_faster(now: Tier, wanted: Tier) -> None:
    ingest = create_ingest(
        restore=RestoreWish(tier=now, days=3, max_cost_cents=5),
        status=IngestStatus.PROCESSING,
        stage=Stage.WARMING,
        warming=create_warming(),
    )
    if wanted.speed < now.speed:
        with pytest.raises(Conflict, match="slowed down"):
            with_tier(ingest, wanted, PRICES)
        return
    changed = with_tier(ingest, wanted, PRICES)
    assert changed.restore == RestoreWish(tier=wanted, days=3, max_cost_cents=5)


@pytest.mark.parametrize(
    ("status", "stage", "asked", "is_taken"),
    [
        (IngestStatus.PROCESSING, Stage.WARMING, 0, True),
        (IngestStatus.PROCESSING, Stage.REPLICATING, 1, True),
        (IngestStatus.PROCESSING, Stage.REPLICATING, 0, False),
        (IngestStatus.PROCESSING, Stage.PLANNING, 0, False),
        (IngestStatus.SUCCEEDED, None, 1, False),
        (IngestStatus.FAILED, Stage.WARMING, 1, False),
    ],
)
def test_a_wish_is_taken_while_something_is_being_restored(
    status: IngestStatus, stage: Stage | None, asked: int, is_taken: bool
) -> None:
    ingest = create_ingest(status=status, stage=stage, warming=create_warming(asked=asked))
    if is_taken:
        assert with_tier(ingest, Tier.EXPEDITED, PRICES).restore.tier is Tier.EXPEDITED
        return
    with pytest.raises(Conflict, match="waits for no restore"):
        with_tier(ingest, Tier.EXPEDITED, PRICES)


@given(st.integers(1, 10**4), st.integers(0, 10**4), st.integers(0, 10**6))
def test_a_tier_that_costs_more_than_the_limit_is_refused_with_figures(
    objects: int, limit: int, spent: int
) -> None:
    """Expedited costs a cent a request."""
    pending = PendingRestores(storage_class="GLACIER", archive="GLACIER", objects=objects)
    ingest = create_ingest(
        restore=RestoreWish(tier=Tier.BULK, max_cost_cents=limit),
        status=IngestStatus.PROCESSING,
        stage=Stage.WARMING,
        warming=create_warming(asked_tier=Tier.BULK, wished_tier=Tier.BULK, pending=(pending,)),
        restores_micros=spent * 10_000,
    )
    if objects + spent <= limit:
        assert with_tier(ingest, Tier.EXPEDITED, PRICES).restore.tier is Tier.EXPEDITED
        return
    with pytest.raises(Conflict, match="the limit is") as refused:
        with_tier(ingest, Tier.EXPEDITED, PRICES)
    assert money(objects + spent, "USD") in str(refused.value)
    assert money(limit, "USD") in str(refused.value)


def test_a_limited_tier_is_not_raised_before_it_is_known_what_is_cold() -> None:
    ingest = create_ingest(
        restore=RestoreWish(max_cost_cents=1), status=IngestStatus.PROCESSING, stage=Stage.WARMING
    )
    assert with_tier(ingest, Tier.STANDARD, PRICES).restore == ingest.restore
    with pytest.raises(Conflict, match="known after the first look"):
        with_tier(ingest, Tier.EXPEDITED, PRICES)


# --- the pace ---
