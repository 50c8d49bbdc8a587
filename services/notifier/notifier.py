"""Tells the outside how an ingest ended; what comes of that never changes the ingest's status."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from course_backfill.callback_signing import signed_headers
from course_backfill.clock import Clock, to_text
from course_backfill.display import show_ingest
from course_backfill.errors import SecretRefused, SecretsUnavailable
from course_backfill.ingest_states import is_callback_pending
from course_backfill.ingest_step import StepCompleted, StepResult
from course_backfill.ingests import Ingest
from course_backfill.messages import StepMessage
from course_backfill.notifications import CallbackStatus
from course_backfill.ports import CallbackFailed, CallbackSender
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.stores.timers import Timer, TimerKind, clear_timer, set_timer
from services.notifier.announcer import Announcer
from services.notifier.persistence import NotDueError, Persistence, is_early

logger = logging.getLogger(__name__)

TIMER = TimerKind.CALLBACK.value


class Notifier:
    """Delivers the ingest's JSON, signed, at least once; receivers tell repeats by the event id.

    A delivery is claimed before it is made, by the same write that counts it and sets the time of
    the next: neither a repeated message nor a death in between makes it happen twice or never.
    """

    def __init__(
        self,
        *,
        announcer: Announcer,
        ingests: IngestStore,
        packets: PacketStore,
        sender: CallbackSender,
        key: Callable[[], bytes | None],
        clock: Clock,
        persistence: Persistence,
        stalled_after: timedelta,
    ) -> None:
        self._announcer = announcer
        self._ingests = ingests
        self._packets = packets
        self._sender = sender
        self._key = key
        self._clock = clock
        self._persistence = persistence
        self._stalled_after = stalled_after

    def notify(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Announces the end and delivers once, where each is due; records what came of it."""
        self._announcer.announce(ingest, message)
        try:
            claimed = self._claim(ingest, message)
        except NotDueError:
            return StepCompleted()
        fault = self._deliver(claimed)
        if fault is None:
            self._end(claimed, CallbackStatus.SUCCEEDED, "Callback delivered")
        elif _attempts(claimed) >= self._persistence.attempts:
            reason = f"Callback given up after {_attempts(claimed)} attempts: {fault}"
            self._end(claimed, CallbackStatus.FAILED, reason)
        else:
            self._note_wait(claimed, fault)
        return StepCompleted()

    def _claim(self, ingest: Ingest, message: StepMessage) -> Ingest:
        now = self._clock()

        def claimed(before: Ingest) -> Ingest:
            callback = before.callback
            if callback is None or not (is_callback_pending(before) and before.status.is_end):
                raise NotDueError
            if is_early(callback, now):
                raise NotDueError
            attempts = callback.attempts + 1
            due = to_text(now + self._persistence.gap(attempts))
            update = {"attempts": attempts, "next_attempt_date": due}
            return before.model_copy(update={"callback": callback.model_copy(update=update)})

        return self._ingests.update(
            ingest.id, claimed, extra=lambda _, after: [set_timer(_timer(after, message))]
        )

    def _deliver(self, ingest: Ingest) -> str | None:
        """None, or why it did not work, in a sentence that names no secret."""
        try:
            key = self._key()
        except (SecretsUnavailable, SecretRefused) as fault:
            return str(fault)
        if ingest.callback is None or key is None:
            return "no key to sign with: set COURSE_BACKFILL_CALLBACK_SECRET"
        shown = show_ingest(
            ingest,
            self._packets.replicas(ingest.id),
            self._ingests.events(ingest.id),
            now=self._clock(),
            stalled_after=self._stalled_after,
        )
        body = shown.to_json()
        event = f"{ingest.id}.{ingest.epoch}"
        headers = signed_headers(key, event=event, body=body, now=self._clock())
        try:
            status = self._sender.post(ingest.callback.url, body, headers)
        except CallbackFailed as failed:
            return str(failed)
        return None if 200 <= status < 300 else f"the receiver answered {status}"

    def _end(self, ingest: Ingest, status: CallbackStatus, description: str) -> None:
        def ended(before: Ingest) -> Ingest:
            # After a retry it is another end that someone waits to be told of.
            is_same_end = before.epoch == ingest.epoch
            if before.callback is None or not (is_same_end and is_callback_pending(before)):
                return before
            done = before.callback.model_copy(update={"status": status, "next_attempt_date": None})
            return before.model_copy(update={"callback": done})

        self._ingests.update(
            ingest.id,
            ended,
            event=self._ingests.event("notify", status.value, description),
            extra=lambda before, _: [clear_timer(before.id, TIMER)],
        )
        logger.info(
            "callback",
            extra={"ingest_id": ingest.id, "course": ingest.course, "outcome": status.value},
        )

    def _note_wait(self, ingest: Ingest, fault: str) -> None:
        due = ingest.callback.next_attempt_date if ingest.callback else None
        description = f"Callback not delivered: {fault}; next attempt at {due}"
        self._ingests.note(ingest, self._ingests.event("notify", "waiting", description))
        logger.warning(
            "callback not delivered: %s",
            fault,
            extra={"ingest_id": ingest.id, "course": ingest.course, "outcome": "waiting"},
        )


def _attempts(ingest: Ingest) -> int:
    return ingest.callback.attempts if ingest.callback else 0


def _timer(ingest: Ingest, message: StepMessage) -> Timer:
    due = ingest.callback.next_attempt_date if ingest.callback else None
    return Timer(
        ingest=ingest.id,
        name=TIMER,
        kind=TimerKind.CALLBACK,
        due_date=due or ingest.last_modified_date,
        message=message,
    )
