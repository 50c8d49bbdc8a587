"""Notifier: delivers the signed callback of an ingest that has ended."""

from __future__ import annotations

from functools import cache
from typing import Any

from course_backfill.adapters.callback_http import HttpCallbackSender
from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import BatchResponse, Context, handle_batch
from course_backfill.callbacks import CallbackRules
from course_backfill.ingest_step import IngestStep
from course_backfill.ports import CallbackSender
from course_backfill.wiring import Wiring
from services.notifier.notifier import Notifier, Persistence


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Handles a batch of SQS records; those that failed unexpectedly go back to the queue."""
    return handle_batch(event, context, wiring=connect(), step=step)


@cache
def step() -> IngestStep:
    """The step on the configured installation."""
    return build_step(connect())


def build_step(wiring: Wiring, sender: CallbackSender | None = None) -> IngestStep:
    """The step on any wiring; callbacks go to the network where no other sender is given."""
    secret = wiring.settings.callback_secret
    notifier = Notifier(
        ingests=wiring.ingests,
        packets=wiring.packets,
        sender=sender or HttpCallbackSender(CallbackRules.of(wiring.settings)),
        secret=secret.get_secret_value().encode() if secret else None,
        clock=wiring.clock,
        persistence=Persistence(attempts=wiring.settings.callback_attempts),
        stalled_after=wiring.resend_after,
    )
    return wiring.step(notifier.notify)
