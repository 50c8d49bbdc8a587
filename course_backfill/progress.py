"""How far an ingest is, how fast it goes, and when its stage will be done if that can be known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from course_backfill.clock import from_text
from course_backfill.ingests import Event, Ingest, IngestStatus, Leg, Replica, Stage
from course_backfill.messages import Step
from course_backfill.tasks import Task

TOO_EARLY = timedelta(seconds=5)
"""A rate taken over less time than this says little."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Sums over all replicas.

    The totals are what is to be copied: bad and removed objects are taken off as they are found,
    so that a success is done and verified to the last byte; a location whose turn has not come
    counts as much as the primary holds. `percent` is of the whole work: every
    byte is copied once and read back once, so it never goes back when verifying begins. An audit
    copies nothing, and is done when it has looked at everything, whatever it found. Rate and
    time left are of the present stage, and None where they would be guesses.
    """

    objects_total: int
    objects_done: int
    objects_verified: int
    objects_bad: int
    objects_removed: int
    bytes_total: int
    bytes_done: int
    bytes_verified: int
    bytes_per_second: int | None = None
    seconds_left: int | None = None
    objects_looked_at: int = 0
    """Read back, whatever was found."""
    bytes_looked_at: int = 0
    is_copied: bool = True
    """Whether anything is copied: an audit only reads."""

    @property
    def percent(self) -> int:
        """Whole percents, 100 only when all is verified, or looked at."""
        is_sized = self.bytes_total > 0
        total = self.bytes_total if is_sized else self.objects_total
        if not self.is_copied:
            return _percent(self.bytes_looked_at if is_sized else self.objects_looked_at, total)
        if is_sized:
            return _percent(self.bytes_done + self.bytes_verified, 2 * total)
        return _percent(self.objects_done + self.objects_verified, 2 * total)


def progress_of(
    ingest: Ingest, replicas: Sequence[Replica], events: Sequence[Event], now: datetime
) -> Progress | None:
    """None before packets are cut, where there was nothing to copy, and of a warming.

    How far a warming is, `Warming` tells.
    """
    if not replicas or ingest.task is Task.WARM:
        return None
    counted = {
        "objects_done": sum(one.objects_done for one in replicas),
        "objects_verified": sum(one.objects_verified for one in replicas),
        "objects_bad": sum(one.bad for one in replicas),
        "objects_removed": sum(one.removed for one in replicas),
        "bytes_done": sum(one.bytes_done for one in replicas),
        "bytes_verified": sum(one.bytes_verified for one in replicas),
        "objects_looked_at": sum(one.objects_looked_at for one in replicas),
        "bytes_looked_at": sum(one.bytes_looked_at for one in replicas),
        **_totals(ingest, replicas),
    }
    progress = Progress(**counted, is_copied=ingest.task is not Task.AUDIT)
    pace = _pace(ingest, replicas, events, now)
    if pace is None:
        return progress
    seconds_left = math.ceil(max(pace.left / pace.rate - pace.silence, 0))
    return replace(progress, bytes_per_second=round(pace.rate), seconds_left=seconds_left)


def _totals(ingest: Ingest, replicas: Sequence[Replica]) -> dict[str, int]:
    objects = [one.objects - one.bad - one.removed for one in replicas]
    size = [one.bytes - one.bytes_left_out for one in replicas]
    # The locations of the second leg get what the first has brought to the primary.
    planned = {one.location for one in replicas}
    ahead = len({*ingest.locations} - planned) if ingest.leg is Leg.SOURCE else 0
    return {
        "objects_total": sum(objects) + ahead * objects[0],
        "bytes_total": sum(size) + ahead * size[0],
    }


@dataclass(frozen=True, slots=True)
class _Pace:
    rate: float
    """Bytes a second, from the beginning of the stage to the last packet that ended."""
    silence: float
    """Seconds since then."""
    left: int
    """Bytes that the stage has before it."""


def _pace(
    ingest: Ingest, replicas: Sequence[Replica], events: Sequence[Event], now: datetime
) -> _Pace | None:
    """How fast the present stage goes; None where it was interrupted or little is known."""
    working = [one for one in replicas if ingest.stage and one.status.value == ingest.stage.value]
    began = _stage_began(ingest, working, events)
    ended = max((one.progress_date or "" for one in working), default="")
    if began is None or ended <= began:
        return None
    # What was done before a retry, or before a wait, was done at another time.
    if any(one.step == "retry" for one in events):
        return None
    if any(one.outcome == "waiting" and one.created_date >= began for one in events):
        return None
    measured = from_text(ended) - from_text(began)
    silence = now - from_text(ended)
    if ingest.stage is Stage.REPLICATING:
        done = sum(one.bytes_done for one in working)
    else:
        done = sum(one.bytes_looked_at for one in working)
    if measured < TOO_EARLY or silence > measured or done <= 0:
        return None
    left = sum(one.bytes - one.bytes_left_out for one in working) - done
    return _Pace(done / measured.total_seconds(), silence.total_seconds(), left)


def _stage_began(ingest: Ingest, working: Sequence[Replica], events: Sequence[Event]) -> str | None:
    if ingest.status is not IngestStatus.PROCESSING:
        return None
    # An audit's only stage with packets; a wait for restores before it makes its rate unknown.
    is_first = ingest.stage is Stage.VERIFYING and ingest.task is Task.AUDIT
    if ingest.stage is Stage.REPLICATING or is_first:
        return min((one.started_date for one in working), default=None)
    if ingest.stage is Stage.VERIFYING:
        copied = (one for one in events if (one.step, one.outcome) == (Step.REPLICATE, "succeeded"))
        return max((one.created_date for one in copied), default=None)
    return None


def _percent(done: int, total: int) -> int:
    return 100 if total <= 0 else 100 * done // total
