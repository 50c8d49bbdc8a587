"""Sweeps: acts on every timer that is due, and on nothing else."""

from __future__ import annotations

import logging
from datetime import timedelta

from course_backfill.clock import Clock
from course_backfill.errors import ConditionFailed, Conflict, CourseBackfillError
from course_backfill.flow import Flow
from course_backfill.ingest_states import (
    is_announcement_pending,
    is_callback_pending,
    is_current,
    is_over,
)
from course_backfill.ingest_step import parked_name
from course_backfill.ingests import Ingest
from course_backfill.lifecycle import Lifecycle
from course_backfill.ports import MessageSender, StateStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.stores.timers import (
    Timer,
    TimerKind,
    clear_timer,
    due_timers,
    move_timer,
    timer_names,
)
from services.janitor.janitor import Janitor

logger = logging.getLogger(__name__)


class Sweeper:
    """Wakes what is parked, sends lost messages again, sweeps behind late writers, expires."""

    def __init__(
        self,
        *,
        state: StateStore,
        ingests: IngestStore,
        packets: PacketStore,
        lifecycle: Lifecycle,
        janitor: Janitor,
        flow: Flow,
        messages: MessageSender,
        clock: Clock,
        resend_after: timedelta,
    ) -> None:
        self._state = state
        self._ingests = ingests
        self._packets = packets
        self._lifecycle = lifecycle
        self._janitor = janitor
        self._flow = flow
        self._messages = messages
        self._clock = clock
        self._resend_after = resend_after

    def sweep(self) -> int:
        """Acts on what is due now; returns how many timers that were.

        One timer that fails does not keep the others from their turn.
        """
        acted = 0
        for timer in due_timers(self._state, self._clock()):
            try:
                self._act(timer)
            except CourseBackfillError as error:
                logger.warning(
                    "timer %s of ingest %s: %s",
                    timer.name,
                    timer.ingest,
                    error,
                    extra={"ingest_id": timer.ingest},
                )
            acted += 1
        return acted

    def _act(self, timer: Timer) -> None:
        ingest = self._ingests.find(timer.ingest)
        if ingest is None or not self._still_wanted(timer, ingest):
            self._state.write(clear_timer(timer.ingest, timer.name))
            return
        # Moved first: if the machine dies in between, the timer fires again, only later.
        try:
            progress = self._packets_done(timer)
            due = self._clock() + self._resend_after
            self._state.write(move_timer(timer, due, progress=progress))
        except ConditionFailed:
            return
        if timer.kind is not TimerKind.WATCH or progress == timer.progress:
            self._do(timer, ingest)

    def _packets_done(self, timer: Timer) -> int:
        if timer.kind is not TimerKind.WATCH:
            return 0
        return sum(
            replica.packets_copied + replica.packets_verified
            for replica in self._packets.replicas(timer.ingest)
        )

    def _still_wanted(self, timer: Timer, ingest: Ingest) -> bool:
        match timer.kind:
            case TimerKind.WATCH:
                # Also while there is nothing to send, because every packet is claimed: a worker
                # that dies later has nobody else to notice.
                return not is_over(ingest)
            case TimerKind.PARKED:
                return timer.message is not None and is_current(ingest, timer.message)
            case TimerKind.CALLBACK:
                return is_callback_pending(ingest) and ingest.status.is_end
            case TimerKind.ANNOUNCEMENT:
                return is_announcement_pending(ingest) and ingest.status.is_end
            case TimerKind.RESWEEP:
                return ingest.status.is_end
            case TimerKind.EXPIRY:
                return ingest.kept

    def _do(self, timer: Timer, ingest: Ingest) -> None:
        match timer.kind:
            case TimerKind.WATCH:
                self._send_lost(ingest)
            case TimerKind.PARKED | TimerKind.CALLBACK | TimerKind.ANNOUNCEMENT:
                if timer.message:
                    self._messages.send([timer.message])
            case TimerKind.RESWEEP:
                self._sweep_behind(timer, ingest)
            case TimerKind.EXPIRY:
                try:
                    self._lifecycle.expire(ingest)
                except Conflict:
                    self._state.write(clear_timer(timer.ingest, timer.name))

    def _sweep_behind(self, timer: Timer, ingest: Ingest) -> None:
        try:
            removed = self._janitor.sweep_behind(ingest)
        except Conflict as busy:
            logger.info("not swept now: %s", busy, extra={"ingest_id": ingest.id})
            return
        if removed:
            logger.warning("removed %d late write(s)", removed, extra={"ingest_id": ingest.id})
        self._state.write(clear_timer(timer.ingest, timer.name))

    def _send_lost(self, ingest: Ingest) -> None:
        """Sends what the stage waits for again; what is parked has a timer of its own."""
        messages = self._flow.messages(ingest)
        parked = timer_names(self._state, ingest.id, TimerKind.PARKED) if messages else set()
        lost = [one for one in messages if parked_name(one) not in parked]
        if lost:
            logger.warning("sending %d message(s) again", len(lost), extra={"ingest_id": ingest.id})
        self._messages.send(lost)
