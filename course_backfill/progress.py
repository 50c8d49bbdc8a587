"""How far an ingest is, how fast it goes, and when it will be done if that can be known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from course_backfill.clock import from_text
from course_backfill.ingests import Event, Ingest, IngestStatus, Replica, Stage

WORKING = {Stage.REPLICATING, Stage.VERIFYING}
TOO_EARLY_SECONDS = 5
"""A rate taken over less time than this says little."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Sums over all replicas; rate and time left are None where they would be guesses."""

    objects_total: int
    objects_done: int
    bytes_total: int
    bytes_done: int
    objects_verified: int
    bytes_verified: int
    bytes_per_second: int | None = None
    seconds_left: int | None = None


def progress_of(
    ingest: Ingest, replicas: Sequence[Replica], events: Sequence[Event], now: datetime
) -> Progress | None:
    """None before the inventory is taken, and where there was nothing to copy."""
    if ingest.inventory is None or not replicas:
        return None
    counted = {
        "objects_total": ingest.inventory.objects * len(replicas),
        "objects_done": sum(replica.objects_done for replica in replicas),
        "bytes_total": ingest.inventory.bytes * len(replicas),
        "bytes_done": sum(replica.bytes_done for replica in replicas),
        "objects_verified": sum(replica.objects_verified for replica in replicas),
        "bytes_verified": sum(replica.bytes_verified for replica in replicas),
    }
    is_waiting = bool(events) and events[-1].outcome == "waiting"
    is_working = ingest.status is IngestStatus.PROCESSING and ingest.stage in WORKING
    # What was done before a retry was done at another time, so it says nothing about the rate.
    is_retried = any(event.step == "retry" for event in events)
    if not is_working or is_waiting or is_retried:
        return Progress(**counted)
    began = min(from_text(replica.started_date) for replica in replicas)
    seconds = (now - began).total_seconds()
    # Every byte is copied once and verified once: that is the whole of the work.
    done = counted["bytes_done"] + counted["bytes_verified"]
    left = 2 * counted["bytes_total"] - done
    if seconds < TOO_EARLY_SECONDS or done <= 0:
        return Progress(**counted)
    rate = done / seconds
    return Progress(
        **counted,
        bytes_per_second=round(rate),
        seconds_left=math.ceil(max(left, 0) / rate),
    )
