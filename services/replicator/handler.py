"""Replicator: copies one packet of a course to one location."""

from __future__ import annotations

from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.replicator.wiring import build_replicator


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    return wiring.step(build_replicator(wiring).replicate)


lambda_handler = LambdaWorker(build_step)
