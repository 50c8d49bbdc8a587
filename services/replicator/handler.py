"""Replicator: copies one packet of a course to one location."""

from __future__ import annotations

from functools import cache
from typing import Any

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import BatchResponse, Context, handle_batch
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.replicator.replicator import Replicator


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Handles a batch of SQS records; those that failed unexpectedly go back to the queue."""
    return handle_batch(event, context, wiring=connect(), step=step)


@cache
def step() -> IngestStep:
    """The step on the configured installation."""
    return build_step(connect())


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    replicator = Replicator(
        source=wiring.source,
        location=wiring.primary,
        reader=wiring.reader(wiring.primary),
        writer=wiring.writer(wiring.primary),
        work=wiring.work,
        results=wiring.results,
        ingests=wiring.ingests,
        packets=wiring.packets,
        flow=wiring.flow,
        executor=wiring.executor,
        crc64=wiring.crc64,
        new_id=wiring.new_id,
        renew_every=wiring.renew_every,
    )
    return wiring.step(replicator.replicate)
