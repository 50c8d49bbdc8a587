"""Long work on an ingest: it shows that it goes on, seldom, and ends once nobody wants it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from course_backfill.errors import Fenced, OutOfTime
from course_backfill.ingests import Ingest, Leg, Stage
from course_backfill.ports import Write
from course_backfill.run_time import MARGIN_SECONDS, limited
from course_backfill.standstill import is_stalled
from course_backfill.stores.still_wanted import StillWanted
from course_backfill.stores.timers import due_timers
from tests.generators import COURSE, RESEND_AFTER, Stores

EVERY = timedelta(seconds=10)
HOURS = 4


@pytest.fixture
def stores() -> Stores:
    return Stores()


@pytest.fixture
def ingest(stores: Stores) -> Ingest:
    return stores.with_courses(COURSE).at(Stage.REPLICATING)


def wanted(stores: Stores, ingest: Ingest, *, every: timedelta = EVERY) -> StillWanted:
    return StillWanted(stores.ingests, ingest, stores.clock, every=every)


@pytest.mark.parametrize("every", [EVERY, RESEND_AFTER / 4])
def test_work_that_lasts_is_neither_stalled_nor_sent_again(
    stores: Stores, ingest: Ingest, every: timedelta
) -> None:
    work = wanted(stores, ingest, every=every)
    for _ in range(HOURS * 360):
        stores.clock.advance(seconds=10)
        work.check()
        now = stores.ingests.get(ingest.id)
        assert not is_stalled(now, [], [], now=stores.clock(), after=RESEND_AFTER)
        assert list(due_timers(stores.state, stores.clock())) == []


def test_it_looks_and_writes_seldom_however_often_it_checks(
    stores: Stores, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    written: list[Sequence[Write]] = []
    look = stores.ingests.leave_sign

    def noting(one: Ingest) -> None:
        looks.append(one.id)
        look(one)

    def note(writes: Sequence[Write]) -> None:
        written.append(writes)

    monkeypatch.setattr(stores.ingests, "leave_sign", noting)
    stores.state.before_write = note
    work = wanted(stores, ingest)
    for _ in range(HOURS * 3600):
        stores.clock.advance(seconds=1)
        work.check()
    assert len(looks) == HOURS * 360
    assert HOURS * 4 / 2 < len(written) <= HOURS * 4 * 4


def test_of_many_at_work_one_leaves_the_sign(stores: Stores, ingest: Ingest) -> None:
    works = [wanted(stores, ingest) for _ in range(30)]
    stores.clock.advance(minutes=10)
    for work in works:
        work.check()
    assert stores.ingests.get(ingest.id).revision == ingest.revision + 1


@pytest.mark.parametrize(
    "change", [{"epoch": 2}, {"leg": Leg.LOCATIONS}, {"stage": Stage.VERIFYING}, {"stage": None}]
)
def test_it_ends_once_the_ingest_has_moved_on(
    stores: Stores, ingest: Ingest, change: dict[str, object]
) -> None:
    work = wanted(stores, ingest)
    moved = stores.ingests.update(ingest.id, lambda now: now.model_copy(update=change))
    stores.clock.advance(seconds=EVERY.total_seconds() - 1)
    work.check()
    stores.clock.advance(seconds=1)
    with pytest.raises(Fenced):
        work.check()
    assert stores.ingests.get(ingest.id) == moved


def test_it_ends_with_its_run(stores: Stores, ingest: Ingest) -> None:
    with limited(MARGIN_SECONDS + 60, now=lambda: stores.clock().timestamp()):
        work = wanted(stores, ingest)
    stores.clock.advance(seconds=59)
    work.check()
    stores.clock.advance(seconds=1)
    with pytest.raises(OutOfTime):
        work.check()
