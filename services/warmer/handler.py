"""Warmer: has cold objects restored before they are copied."""

from __future__ import annotations

from functools import cache
from typing import Any

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import BatchResponse, Context, handle_batch
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.warmer.warmer import Warmer


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Handles a batch of SQS records; those that failed unexpectedly go back to the queue."""
    return handle_batch(event, context, wiring=connect(), step=step)


@cache
def step() -> IngestStep:
    """The step on the configured installation."""
    return build_step(connect())


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    warmer = Warmer(
        places=wiring.places,
        restorer=wiring.restorer,
        work=wiring.work,
        ingests=wiring.ingests,
        packets=wiring.packets,
        flow=wiring.flow,
        clock=wiring.clock,
        patience=wiring.restore_patience,
    )
    return wiring.step(warmer.warm)
