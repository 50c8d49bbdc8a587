"""Planner: finds courses, and plans what an ingest copies."""

from __future__ import annotations

from course_backfill.adapters.lambda_worker import LambdaWorker, Listener
from course_backfill.wiring import Wiring
from services.planner.planner_step import PlannerStep
from services.planner.wiring import build_discoverer, build_planner


def build_step(wiring: Wiring) -> PlannerStep:
    """The step on any wiring."""
    return PlannerStep(build_discoverer(wiring), wiring.step(build_planner(wiring).plan))


def build_listener(wiring: Wiring) -> Listener:
    """What the schedule has done, on any wiring: the source looked through, if it is time."""
    discoverer = build_discoverer(wiring)
    return lambda _: discoverer.schedule()


lambda_handler = LambdaWorker(build_step, build_listener=build_listener)
