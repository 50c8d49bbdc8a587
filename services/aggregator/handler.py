"""Aggregator: writes the manifest of a version, and sends on what is verified everywhere."""

from __future__ import annotations

from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.cold.storage import STANDARD
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.aggregator.aggregator import Aggregator


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


lambda_handler = LambdaWorker(build_step)
