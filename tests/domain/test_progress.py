"""Progress: numbers that add up, never go back, and are never a guess."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.clock import to_text
from course_backfill.ingests import (
    Event,
    IngestStatus,
    Leg,
    Replica,
    ReplicaStatus,
    Stage,
)
from course_backfill.progress import Progress, progress_of
from tests.generators import MORNING, create_ingest, create_replica

COPYING: dict[str, Any] = {
    "status": IngestStatus.PROCESSING,
    "stage": Stage.REPLICATING,
}
VERIFYING = COPYING | {"stage": Stage.VERIFYING}


def after(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def event(seconds: float, step: str, outcome: str = "succeeded") -> Event:
    return Event(created_date=to_text(after(seconds)), step=step, outcome=outcome, description="d")


def replica(seconds: float | None = None, **fields: Any) -> Replica:
    """A replica, the last packet of which ended after so many seconds; all it read was right."""
    date = None if seconds is None else to_text(after(seconds))
    read = {"bytes_looked_at": fields.get("bytes_verified", 0)}
    planned = {"objects": 10, "bytes": 1_000}
    return create_replica(2, progress_date=date, **(planned | read | fields))


def progress(
    ingest: dict[str, Any], found: Replica, *events: Event, seconds: float = 100
) -> Progress:
    one = progress_of(create_ingest(**ingest), [found], events, after(seconds))
    assert one is not None
    return one


def test_there_is_no_progress_before_packets_are_cut() -> None:
    assert progress_of(create_ingest(**COPYING), [], [], after(1)) is None


def test_copying_is_the_first_half_of_the_work_and_verifying_the_second() -> None:
    assert progress(COPYING, replica(bytes_done=500)).percent == 25
    assert progress(COPYING, replica(bytes_done=1_000)).percent == 50
    assert progress(VERIFYING, replica(bytes_done=1_000)).percent == 50
    assert progress(VERIFYING, replica(bytes_done=1_000, bytes_verified=999)).percent == 99
    assert progress(VERIFYING, replica(bytes_done=1_000, bytes_verified=1_000)).percent == 100


def test_an_audit_copies_nothing_so_that_reading_is_all_of_its_work_whatever_it_finds() -> None:
    audit = VERIFYING | {"ingest_type": "audit-course", "leg": Leg.LOCATIONS}
    assert progress(audit, replica(bytes_looked_at=500, bytes_verified=0)).percent == 50
    assert progress(audit, replica(bytes_looked_at=1_000, bytes_verified=1)).percent == 100
    assert progress(audit, replica(bytes=0, objects_looked_at=5, objects_verified=1)).percent == 50


def test_how_far_a_warming_is_its_restores_tell() -> None:
    warming = COPYING | {"ingest_type": "warm-course", "stage": Stage.WARMING}
    assert progress_of(create_ingest(**warming), [replica()], [], after(1)) is None


def test_the_rate_of_an_audit_is_taken_from_its_planning_on_unless_it_waited_for_restores() -> None:
    audit = VERIFYING | {"ingest_type": "audit-course", "leg": Leg.LOCATIONS}
    found = replica(50, bytes_verified=500, status=ReplicaStatus.VERIFYING)
    assert progress(audit, found, seconds=60).bytes_per_second == 10
    waited = event(20, "warm", "waiting")
    assert progress(audit, found, waited, seconds=60).bytes_per_second is None


def test_where_there_are_no_bytes_objects_count() -> None:
    assert progress(COPYING, replica(bytes=0, objects_done=5)).percent == 25
    assert progress(COPYING, replica(bytes=0, objects=0)).percent == 100


def test_locations_whose_turn_has_not_come_count_as_much_as_the_primary() -> None:
    locations = {"locations": ("primary", "cold", "far")}
    primary = replica(bytes_done=900, bytes_left_out=100, objects_done=9, bad=1)
    shown = progress(COPYING | locations, primary)
    assert (shown.objects_total, shown.bytes_total) == (27, 2_700)
    both = [
        primary,
        replica(location="cold", objects=12, bytes=1_000),
        replica(location="far", objects=12, bytes=1_000),
    ]
    second = create_ingest(**COPYING | locations | {"leg": Leg.LOCATIONS})
    later = progress_of(second, both, [], after(1))
    assert later
    assert (later.objects_total, later.bytes_total) == (33, 2_900)


def test_the_rate_of_the_second_leg_counts_its_own_replicas_alone() -> None:
    both = [
        replica(50, status=ReplicaStatus.VERIFIED, bytes_done=1_000, bytes_verified=1_000),
        replica(180, location="cold", bytes_done=400, started_date=to_text(after(100))),
    ]
    second = create_ingest(**COPYING | {"leg": Leg.LOCATIONS, "locations": ("primary", "cold")})
    shown = progress_of(second, both, [], after(190))
    assert shown
    assert (shown.bytes_per_second, shown.seconds_left) == (5, 110)


def test_what_is_bad_or_removed_is_taken_off_the_totals_and_told() -> None:
    found = replica(objects_done=7, bytes_done=800, bytes_left_out=200, bad=2, removed=1)
    shown = progress(COPYING, found)
    assert (shown.objects_total, shown.objects_done) == (7, 7)
    assert (shown.objects_bad, shown.objects_removed) == (2, 1)
    assert (shown.bytes_total, shown.bytes_done, shown.percent) == (800, 800, 50)


@given(st.lists(st.tuples(st.integers(0, 90), st.booleans()), min_size=1, max_size=8))
def test_percent_never_goes_back_and_a_success_ends_at_all_of_it(
    packets: list[tuple[int, bool]],
) -> None:
    """Packets of 100 planned bytes each, with so many bytes in bad objects where there are any."""
    planned = {"objects": len(packets), "bytes": 100 * len(packets)}
    done = copied = verified = 0
    seen = []
    bad_bytes = [lost if is_bad else 0 for lost, is_bad in packets]
    for lost in bad_bytes:
        done, copied = done + 100 - lost, copied + 1
        found = replica(bytes_done=done, bytes_left_out=100 * copied - done, **planned)
        seen.append(progress(COPYING, found).percent)
    for lost in bad_bytes:
        verified += 100 - lost
        found = replica(
            bytes_done=done, bytes_left_out=100 * copied - done, bytes_verified=verified, **planned
        )
        seen.append(progress(VERIFYING, found).percent)
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert 100 not in seen[: len(packets)]


def test_rate_and_time_left_of_copying_count_to_the_last_packet_that_ended() -> None:
    shown = progress(COPYING, replica(80, bytes_done=800), seconds=90)
    assert (shown.bytes_per_second, shown.seconds_left) == (10, 10)


def test_rate_and_time_left_of_verifying_count_from_its_beginning() -> None:
    found = replica(120, status=ReplicaStatus.VERIFYING, bytes_done=1_000, bytes_verified=400)
    shown = progress(VERIFYING, found, event(100, "replicate"), seconds=125)
    assert (shown.bytes_per_second, shown.seconds_left) == (20, 25)


def test_a_rate_does_not_decay_while_a_packet_is_under_way() -> None:
    rates = {
        progress(COPYING, replica(50, bytes_done=500), seconds=now).bytes_per_second
        for now in (50, 70, 100)
    }
    assert rates == {10}


def test_a_wait_in_copying_says_nothing_of_the_rate_of_verifying() -> None:
    waited = event(20, "replicate", "waiting")
    found = replica(50, bytes_done=500)
    assert progress(COPYING, found, waited, seconds=60).bytes_per_second is None
    later = replica(120, status=ReplicaStatus.VERIFYING, bytes_verified=400)
    shown = progress(VERIFYING, later, waited, event(100, "replicate"), seconds=120)
    assert shown.bytes_per_second == 20


@pytest.mark.parametrize(
    ("ingest", "found", "events", "seconds"),
    [
        (COPYING, replica(), (), 100),
        (COPYING, replica(50, bytes_done=0), (), 60),
        (COPYING, replica(4, bytes_done=500), (), 5),
        (COPYING, replica(20, bytes_done=500), (), 41),
        (COPYING | {"stage": Stage.AGGREGATING}, replica(80, bytes_done=800), (), 90),
        (COPYING | {"stage": Stage.ROLLING_BACK}, replica(80, bytes_done=800), (), 90),
        (
            COPYING | {"status": IngestStatus.FAILED},
            replica(80, bytes_done=800),
            (),
            90,
        ),
        (COPYING, replica(80, bytes_done=800), (event(85, "replicate", "waiting"),), 90),
        (COPYING, replica(80, bytes_done=800), (event(10, "replicate", "waiting"),), 90),
        (COPYING, replica(80, bytes_done=800), (event(1, "retry"), event(2, "plan")), 90),
        (VERIFYING, replica(80, status=ReplicaStatus.VERIFYING, bytes_verified=8), (), 90),
        (
            VERIFYING,
            replica(80, status=ReplicaStatus.VERIFYING, bytes_done=800),
            (event(90, "replicate"),),
            100,
        ),
    ],
    ids=[
        "no packet yet", "no bytes yet", "too early", "silent for longer than it was measured",
        "not measured in bytes", "rolling back", "failed", "waiting", "had waited", "retried",
        "beginning unknown", "nothing verified yet",
    ],
)  # fmt: skip
def test_what_would_be_a_guess_is_null(
    ingest: dict[str, Any], found: Replica, events: tuple[Event, ...], seconds: float
) -> None:
    shown = progress(ingest, found, *events, seconds=seconds)
    assert (shown.bytes_per_second, shown.seconds_left) == (None, None)
