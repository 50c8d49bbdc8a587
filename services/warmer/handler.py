"""Warmer: has cold objects restored, and says when they can be read."""

from __future__ import annotations

from course_backfill.adapters.lambda_worker import LambdaWorker, Listener
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.warmer.wiring import build_completions, build_warmer


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    return wiring.step(build_warmer(wiring).warm)


def build_listener(wiring: Wiring) -> Listener:
    """What hears from EventBridge that a restore is done, on any wiring."""
    return build_completions(wiring).completed


lambda_handler = LambdaWorker(build_step, build_listener=build_listener)
