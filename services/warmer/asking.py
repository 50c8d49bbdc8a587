"""Asks S3 to restore what is cold, at a bounded rate, and counts what it sees on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from course_backfill.clock import Clock
from course_backfill.cold.estimates import ColdKind
from course_backfill.cold.looks import Look, Need, need
from course_backfill.cold.storage import (
    INTELLIGENT_TIERING,
    Tier,
    Warmth,
    offered_tier,
    restore_time,
    soonest_restore,
    warmth,
)
from course_backfill.copies.location_ports import ObjectRestorer
from course_backfill.copies.wanted_objects import WantedObject
from course_backfill.errors import ExpeditedUnavailable, NotFound, StorageRefused
from course_backfill.locations import Location
from course_backfill.ports import ObjectStat

AT_ONCE = 32
"""Objects handed out together: bounds memory, and by how much a run exceeds its time."""


class RestoreRefused(Exception):
    """S3 denies restores for good; `str()` says which."""


class Pace:
    """Lets so many requests a second through, whatever the number of threads that ask."""

    def __init__(
        self,
        per_second: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / per_second
        self._now = now
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Returns when it is the caller's turn."""
        with self._lock:
            turn = max(self._next, self._now())
            self._next = turn + self._gap
        if (pause := turn - self._now()) > 0:
            self._sleep(pause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one look may ask for, and how."""

    tier: Tier
    days: int
    keep_until: datetime
    is_raising: bool
    raised_to: str
    """What is under way is not asked for again up to there."""
    is_anew: bool
    """Whether objects may have been archived since planning."""
    may_ask: bool


@dataclass(frozen=True, slots=True)
class _Dealt:
    """What became of one object."""

    size: int
    state: Warmth
    expires: datetime | None
    need: Need
    kind: ColdKind | None = None
    """None where it is not archived any more."""
    took: Tier | None = None
    """The tier that S3 was asked with; None where it was not asked."""


class Asking:
    """One look at everything that is wanted; asks through the executor's threads."""

    def __init__(
        self,
        terms: Terms,
        *,
        restorer: Callable[[Location], ObjectRestorer],
        executor: Executor,
        pace: Pace,
        clock: Clock,
        first_look: timedelta | None,
        run: timedelta,
        monotonic: Callable[[], float],
    ) -> None:
        self._terms = terms
        self._restorer = restorer
        self._executor = executor
        self._pace = pace
        self._clock = clock
        self._first_look = first_look
        self._run = run.total_seconds()
        self._monotonic = monotonic
        self._deadline: float | None = None
        self._no_expedited = False

    def look(self, wanted: Iterable[WantedObject]) -> Look:
        """Counts all, and asks until the time is over.

        Raises RestoreRefused, and what reading the lists and listings raises.
        """
        look, last, objects = Look(now=self._clock()), "", iter(wanted)
        while group := list(islice(objects, AT_ONCE)):
            is_over = self._deadline is not None and self._monotonic() > self._deadline
            deal = partial(self._deal, now=look.now, may_ask=not is_over and self._terms.may_ask)
            for dealt in filter(None, self._executor.map(deal, group)):
                self._count(dealt, look)
                if dealt.took and self._deadline is None:
                    # From the first request on, so that every run gets further than the last.
                    self._deadline = self._monotonic() + self._run
                if is_over and dealt.need is not Need.NOTHING:
                    look.cut_at = last
            last = last if is_over else group[-1].position
        look.fell_back = self._no_expedited
        return look

    def _deal(self, one: WantedObject, *, now: datetime, may_ask: bool) -> _Dealt | None:
        """None for what is not archived, or gone by now: copying tells."""
        stat = one.seen(is_anew=self._terms.is_anew)
        if stat.archive is None and one.expected.archive is None:
            return None
        state = warmth(stat.archive, stat.restore, now)
        dealt = _Dealt(
            size=stat.size,
            state=state,
            expires=stat.restore.expires if stat.restore and stat.archive else None,
            need=need(
                state,
                stat.restore,
                keep_until=self._terms.keep_until,
                is_raising=self._terms.is_raising and one.position > self._terms.raised_to,
            ),
            kind=ColdKind(stat.storage_class, stat.archive) if stat.archive else None,
        )
        if dealt.need is Need.NOTHING or stat.archive is None or not may_ask:
            return dealt
        try:
            return replace(dealt, took=self._ask(one, stat, stat.archive))
        except NotFound:
            return None

    def _ask(self, one: WantedObject, stat: ObjectStat, archive: str) -> Tier:
        tier = Tier.STANDARD if self._no_expedited else self._terms.tier
        tier = offered_tier(archive, min(tier, self._terms.tier, key=lambda one: one.speed))
        days = None if stat.storage_class == INTELLIGENT_TIERING else self._terms.days
        key = one.place.location.prefix + one.expected.key
        restorer = self._restorer(one.place.location)
        self._pace.wait()
        try:
            restorer.restore(key, days=days, tier=tier)
        except ExpeditedUnavailable:
            self._no_expedited = True
            return self._ask(one, stat, archive)
        except StorageRefused as refusal:
            raise RestoreRefused(str(refusal)) from refusal
        return tier

    def _count(self, dealt: _Dealt, look: Look) -> None:
        look.found(dealt.state, dealt.size, self._lasting(dealt, look.now))
        if dealt.kind is None:
            return
        look.priced(dealt.kind, dealt.size, state=dealt.state, need=dealt.need, took=dealt.took)
        if dealt.took is None or dealt.need is Need.KEEP:
            return
        if dealt.need is Need.ASK:
            look.asked += 1
            look.asked_size += dealt.size
        longest = restore_time(dealt.kind.archive, dealt.took) or timedelta()
        soonest = soonest_restore(dealt.kind.archive, dealt.took) or timedelta()
        soonest = soonest if self._first_look is None else self._first_look
        look.took(dealt.took, soonest=soonest, longest=longest)

    def _lasting(self, dealt: _Dealt, now: datetime) -> datetime | None:
        """When the copy expires; at least so many days from now where they count anew."""
        if dealt.need is Need.KEEP and dealt.took is not None:
            return now + timedelta(days=self._terms.days)
        return dealt.expires
