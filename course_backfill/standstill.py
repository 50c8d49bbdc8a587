"""Whether an ingest stands still: nothing happened to it for longer than there is reason for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from course_backfill.clock import from_text
from course_backfill.ingests import Event, Ingest, Replica, Stage


def last_sign(ingest: Ingest, replicas: Iterable[Replica], events: Iterable[Event]) -> str:
    """The date of the last sign of life."""
    return max(
        [
            ingest.last_modified_date,
            *(event.created_date for event in events),
            *(replica.progress_date for replica in replicas if replica.progress_date),
        ]
    )


def is_stalled(
    ingest: Ingest,
    replicas: Iterable[Replica],
    events: Iterable[Event],
    *,
    now: datetime,
    after: timedelta,
) -> bool:
    """Whether an ingest that has not ended shows no sign of life for longer than `after`."""
    if ingest.status.is_end:
        return False
    last = max(last_sign(ingest, replicas, events), _quiet_until(ingest))
    return now - from_text(last) > after


def _quiet_until(ingest: Ingest) -> str:
    """Until when nothing is to be heard of it: restores take hours, and tell nothing meanwhile."""
    warming = ingest.warming if ingest.stage is Stage.WARMING else None
    return (warming.ready_by_date or "") if warming else ""
