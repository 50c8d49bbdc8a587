"""Verifier: re-reads one packet of a replica, then lists the whole."""

from __future__ import annotations

from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.verifier.wiring import build_verifier


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    return wiring.step(build_verifier(wiring).verify)


lambda_handler = LambdaWorker(build_step)
