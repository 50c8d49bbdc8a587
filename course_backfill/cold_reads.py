"""What a step does that finds cold what it was to read."""

from __future__ import annotations

from datetime import datetime, timedelta

from course_backfill.errors import ObjectCold
from course_backfill.ingest_step import StepWaiting
from course_backfill.ingests import Ingest
from course_backfill.looks import next_read
from course_backfill.messages import Step, StepMessage


def wait_until_warm(
    ingest: Ingest, cold: ObjectCold, *, now: datetime, patience: timedelta
) -> StepWaiting:
    """The warmer is told once; what it has asked for is not tried before it can be there."""
    due = next_read(ingest.warming, now)
    warm = StepMessage(ingest=ingest.id, epoch=ingest.epoch, step=Step.WARM)
    return StepWaiting(str(cold), due=due, patience=patience, send=() if due else (warm,))
