"""Janitor: rolls back, sends lost messages again, takes dead letters in, starts audits."""

from __future__ import annotations

from course_backfill.adapters.lambda_worker import Event, LambdaWorker, Listener
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.janitor.wiring import (
    build_audit_schedule,
    build_burial,
    build_gauges,
    build_janitor,
    build_sweeper,
)


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    return wiring.step(build_janitor(wiring).roll_back)


def build_listener(wiring: Wiring) -> Listener:
    """What the schedule has done, on any wiring: due timers first, then audits, then counts."""
    sweeper, audits = build_sweeper(wiring), build_audit_schedule(wiring)
    gauges = build_gauges(wiring)

    def tick(_: Event) -> None:
        sweeper.sweep()
        audits.tick()
        gauges.tick()

    return tick


lambda_handler = LambdaWorker(
    build_step,
    build_listener=build_listener,
    build_burial=lambda wiring: build_burial(wiring).bury,
)
