"""Notifier: tells the bus of domain events, and who asked to be called, how an ingest ended."""

from __future__ import annotations

from course_backfill.adapters.callback_http import HttpCallbackSender
from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.callbacks import CallbackRules
from course_backfill.ingest_step import IngestStep
from course_backfill.ports import CallbackSender
from course_backfill.wiring import Wiring
from services.notifier.announcer import Announcer
from services.notifier.notifier import Notifier
from services.notifier.persistence import Persistence


def build_step(wiring: Wiring, sender: CallbackSender | None = None) -> IngestStep:
    """The step on any wiring; callbacks go to the network where no other sender is given."""
    announcer = Announcer(
        ingests=wiring.ingests,
        bus=wiring.bus,
        namespace=wiring.settings.namespace,
        clock=wiring.clock,
    )
    notifier = Notifier(
        announcer=announcer,
        ingests=wiring.ingests,
        packets=wiring.packets,
        sender=sender or HttpCallbackSender(CallbackRules.of(wiring.settings)),
        key=wiring.callback_key,
        clock=wiring.clock,
        persistence=Persistence(attempts=wiring.settings.callback_attempts),
        stalled_after=wiring.resend_after,
    )
    return wiring.step(notifier.notify)


lambda_handler = LambdaWorker(build_step)
