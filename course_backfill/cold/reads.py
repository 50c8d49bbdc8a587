"""What a step does that finds cold what it was to read."""

from __future__ import annotations

from datetime import timedelta

from course_backfill.clock import Clock, to_text
from course_backfill.cold.looks import next_read
from course_backfill.errors import ConditionFailed, ObjectCold
from course_backfill.ingest_step import StepWaiting, parked_name, parked_timer
from course_backfill.ingests import Ingest
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import StateStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.timers import add_timer, bring_forward, find_timer

SOON = timedelta(minutes=5)
"""Whoever finds something cold waits so long for a look that another one has asked for."""


class ColdReads:
    """However many packets find something cold, the warmer is sent for once: a look is at all."""

    def __init__(
        self, *, state: StateStore, ingests: IngestStore, clock: Clock, patience: timedelta
    ) -> None:
        self._state = state
        self._ingests = ingests
        self._clock = clock
        self._patience = patience

    def wait(self, ingest: Ingest, cold: ObjectCold) -> StepWaiting:
        """Waits; what the warmer has asked for is not tried before it can be there."""
        now = self._ingests.get(ingest.id)
        due = next_read(now.warming, self._clock())
        warm = StepMessage(ingest=ingest.id, epoch=ingest.epoch, step=Step.WARM)
        send = (warm,) if due is None and self._is_first(warm) else ()
        return StepWaiting(str(cold), due=due, patience=self._patience, send=send)

    def _is_first(self, warm: StepMessage) -> bool:
        """Whether no look was to come soon; from now on one is, even if the message gets lost."""
        now = self._clock()
        soon = now + SOON
        timer = find_timer(self._state, warm.ingest, parked_name(warm))
        if timer and to_text(now) < timer.due_date <= to_text(soon):
            return False
        sooner = (
            bring_forward(timer, soon)
            if timer
            else add_timer(parked_timer(warm, due=soon, since=now))
        )
        try:
            self._state.write(sooner)
        except ConditionFailed:
            return False
        return True
