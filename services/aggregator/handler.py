"""Aggregator: writes the manifest of a version, and sends on what is verified everywhere."""

from __future__ import annotations

from functools import cache
from typing import Any

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import BatchResponse, Context, handle_batch
from course_backfill.cold.storage import STANDARD
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.aggregator.aggregator import Aggregator


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Handles a batch of SQS records; those that failed unexpectedly go back to the queue."""
    return handle_batch(event, context, wiring=connect(), step=step)


@cache
def step() -> IngestStep:
    """The step on the configured installation."""
    return build_step(connect())


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    aggregator = Aggregator(
        location=wiring.primary,
        reader=wiring.reader(wiring.primary),
        writer=wiring.writer(wiring.primary, STANDARD),
        results=wiring.results,
        ingests=wiring.ingests,
        packets=wiring.packets,
        legs=wiring.legs,
        flow=wiring.flow,
        executor=wiring.executor,
        crc64=wiring.crc64,
    )
    return wiring.step(aggregator.aggregate)
