"""Warmer: has cold objects restored, and says when they can be read."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import BatchResponse, Context, handle_batch
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.warmer.asking import Pace
from services.warmer.completions import Completions, is_completion
from services.warmer.warmer import Patience, Warmer


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Handles a batch of SQS records, or EventBridge's word that a restore is done.

    Records that failed unexpectedly go back to the queue.
    """
    if is_completion(event):
        completions().completed(event)
        return {"batchItemFailures": []}
    return handle_batch(event, context, wiring=connect(), step=step)


@cache
def step() -> IngestStep:
    """The step on the configured installation."""
    return build_step(connect())


@cache
def completions() -> Completions:
    """What hears of restores on the configured installation."""
    return build_completions(connect())


def build_completions(wiring: Wiring) -> Completions:
    """What hears of restores, on any wiring."""
    return Completions(
        locations=wiring.locations,
        state=wiring.state,
        ingests=wiring.ingests,
        courses=wiring.courses,
        clock=wiring.clock,
        poll=timedelta(seconds=wiring.settings.restore_poll_seconds),
    )


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    settings = wiring.settings
    first = settings.restore_first_look_seconds
    warmer = Warmer(
        places=wiring.places,
        restorer=cache(wiring.restorer),
        work=wiring.work,
        state=wiring.state,
        ingests=wiring.ingests,
        packets=wiring.packets,
        costs=wiring.restore_costs,
        lifecycle=wiring.lifecycle,
        flow=wiring.flow,
        executor=wiring.executor,
        pace=Pace(settings.restore_requests_per_second),
        clock=wiring.clock,
        patience=Patience(
            give_up_after=wiring.restore_patience,
            poll=timedelta(seconds=settings.restore_poll_seconds),
            first_look=None if first is None else timedelta(seconds=first),
        ),
    )
    return wiring.step(warmer.warm)
