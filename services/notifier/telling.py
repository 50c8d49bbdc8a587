"""Telling someone of an ingest's end, until it works or is given up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from course_backfill.clock import Clock, from_text, to_text
from course_backfill.ingests import Ingest
from course_backfill.messages import StepMessage
from course_backfill.notifications import CallbackStatus, Delivering
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.timers import Timer, TimerKind, clear_timer, set_timer
from services.notifier.persistence import Persistence

logger = logging.getLogger(__name__)

EARLY = timedelta(seconds=5)
"""How far the clocks of two machines may differ before a delivery that is due is put off."""
NOTHING = Delivering(status=CallbackStatus.SUCCEEDED)
"""Stands where nobody is to be told."""


class _NotDueError(Exception):
    """Someone else is at it, or the gap is not over, or nobody is to be told any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Tells at least once: a death between acting and recording it has it acted again.

    An attempt is claimed before it is made, by the same write that counts it and sets the time of
    the next: neither a repeated message nor a death in between makes it happen twice or never.
    """

    kind: Literal[TimerKind.CALLBACK, TimerKind.ANNOUNCEMENT]
    """Also the name of the ingest's field that says how far it is."""
    step: str
    """Whose events it records."""
    words: tuple[str, str]
    """What is told, and what has become of it when it was."""
    end: Callable[[Ingest], object]
    """Tells one end of an ingest from another: what came of one is not recorded for the next."""
    act: Callable[[Ingest], str | None]
    """Tells once; None, or why it did not work, in a sentence that names no secret."""
    persistence: Persistence
    ingests: IngestStore
    clock: Clock

    def tell(self, ingest: Ingest, message: StepMessage) -> None:
        """Acts once, if it is due, and records what came of it."""
        try:
            claimed = self._claim(ingest, message)
        except _NotDueError:
            return
        attempts = self._told(claimed).attempts
        what, done = self.words
        fault = self.act(claimed)
        if fault is None:
            self._end(claimed, CallbackStatus.SUCCEEDED, f"{what} {done}")
        elif attempts >= self.persistence.attempts:
            said = f"{what} given up after {attempts} attempts: {fault}"
            self._end(claimed, CallbackStatus.FAILED, said)
        else:
            self._note_wait(claimed, fault)

    def _claim(self, ingest: Ingest, message: StepMessage) -> Ingest:
        now = self.clock()

        def claimed(before: Ingest) -> Ingest:
            told = self._told(before)
            if not (told.is_pending and before.status.is_end) or _is_early(told, now):
                raise _NotDueError
            attempts = told.attempts + 1
            due = to_text(now + self.persistence.gap(attempts))
            return self._with(before, attempts=attempts, next_attempt_date=due)

        return self.ingests.update(
            ingest.id, claimed, extra=lambda _, after: [set_timer(self._timer(after, message))]
        )

    def _end(self, ingest: Ingest, status: CallbackStatus, description: str) -> None:
        def ended(before: Ingest) -> Ingest:
            if not self._told(before).is_pending or self.end(before) != self.end(ingest):
                return before
            return self._with(before, status=status, next_attempt_date=None)

        self.ingests.update(
            ingest.id,
            ended,
            event=self.ingests.event(self.step, status.value, description),
            extra=lambda before, _: [clear_timer(before.id, self.kind)],
        )
        logger.info(self.words[0].lower(), extra=_fields(ingest, status.value))

    def _note_wait(self, ingest: Ingest, fault: str) -> None:
        what, done = self.words
        due = self._told(ingest).next_attempt_date
        said = f"{what} not {done}: {fault}; next attempt at {due}"
        self.ingests.note(ingest, self.ingests.event(self.step, "waiting", said))
        logger.warning("%s not %s: %s", what.lower(), done, fault, extra=_fields(ingest, "waiting"))

    def _told(self, ingest: Ingest) -> Delivering:
        told: Delivering | None = getattr(ingest, self.kind)
        return told or NOTHING

    def _with(self, ingest: Ingest, **changes: object) -> Ingest:
        return ingest.model_copy(
            update={self.kind.value: self._told(ingest).model_copy(update=changes)}
        )

    def _timer(self, ingest: Ingest, message: StepMessage) -> Timer:
        return Timer(
            ingest=ingest.id,
            name=self.kind,
            kind=self.kind,
            due_date=self._told(ingest).next_attempt_date or ingest.last_modified_date,
            message=message,
        )


def _is_early(told: Delivering, now: datetime) -> bool:
    """Whether its next attempt is not due yet."""
    due = told.next_attempt_date
    return due is not None and now + EARLY < from_text(due)


def _fields(ingest: Ingest, outcome: str) -> dict[str, str]:
    return {"ingest_id": ingest.id, "course": ingest.course, "outcome": outcome}
