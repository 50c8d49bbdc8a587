"""One step of one ingest: start → do → record → send on, and what becomes of each outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from course_backfill.addresses import Address
from course_backfill.clock import Clock, from_text, to_text
from course_backfill.copies.location_moves import require_unmoved
from course_backfill.errors import (
    ConditionFailed,
    Conflict,
    Fenced,
    KnownOutage,
    LocationMoved,
    LocationUnknown,
    ObjectCold,
    OutOfTime,
    SourceRefused,
    StorageRefused,
)
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import is_current, is_passed, started
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.lifecycle import Lifecycle
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import MessageSender, StateStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.timers import Timer, TimerKind, find_timer, set_timer
from course_backfill.work_context import working_on

logger = logging.getLogger(__name__)

ANYWHERE = frozenset({Step.ROLL_BACK, Step.NOTIFY})
"""Steps of an ingest whose locations may have moved: it is undone as far as they are reached."""


NEVER = timedelta.max
"""A patience that ends not: something else than the time tells when to give up."""
MOST_LATE_RUNS = 8
"""Runs of one step that had to stop before it was done, until the ingest fails."""
LATE_RESEND = timedelta(minutes=20)
"""When the message of a packet that goes on is taken for lost: after the longest run."""

REFUSALS: dict[type[Exception], str] = {
    SourceRefused: "source-refused",
    StorageRefused: "storage-refused",
    LocationUnknown: "location-removed",
    LocationMoved: "location-moved",
    # Cold content is waited for by whoever reads it.
    ObjectCold: "manifest-cold",
}
"""What ends an ingest at once, whatever step meets it, and the failure that it is."""


@dataclass(frozen=True, slots=True)
class StepSucceeded:
    """The step is done and recorded; these messages follow from it."""

    next: Sequence[StepMessage] = ()


@dataclass(frozen=True, slots=True)
class StepCompleted:
    """The step is done and recorded, and nothing is to be sent."""


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """The step cannot go on for now; it is parked and tried again.

    `due` and `patience` replace the growing gaps and their end, where it is known how long things
    take. `send` goes out at once. `is_late`: because a run had to stop, not because of an outage;
    after `MOST_LATE_RUNS` of them the ingest fails.
    """

    reason: str
    due: datetime | None = None
    patience: timedelta | None = None
    send: Sequence[StepMessage] = ()
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class StepFailed:
    """The ingest cannot succeed; `objects` of its objects are listed under its failures."""

    failure: Failure
    objects: int = 0


StepResult = StepSucceeded | StepCompleted | StepWaiting | StepFailed
Work = Callable[[Ingest, StepMessage], StepResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """How outages are waited out: gaps that double from `first` to `longest`, then the end."""

    first: timedelta = timedelta(seconds=15)
    longest: timedelta = timedelta(minutes=15)
    give_up_after: timedelta = timedelta(hours=24)

    def gap(self, attempts: int) -> timedelta:
        """The wait before the next try, after so many."""
        return min(self.first * (1 << min(attempts, 20)), self.longest)


class IngestStep:
    """Runs a service's work on a message, and is the only one that acts on its result."""

    def __init__(
        self,
        work: Work,
        *,
        state: StateStore,
        ingests: IngestStore,
        lifecycle: Lifecycle,
        flow: Flow,
        messages: MessageSender,
        clock: Clock,
        parking: Parking,
        addresses: Mapping[str, Address],
    ) -> None:
        """`addresses`: where the settings have each location."""
        self._work = work
        self._state = state
        self._ingests = ingests
        self._lifecycle = lifecycle
        self._flow = flow
        self._messages = messages
        self._clock = clock
        self._parking = parking
        self._addresses = addresses

    def handle(self, message: StepMessage) -> None:
        """Does what the message asks, if it still counts; anything unexpected comes through.

        A repeated delivery of a step that is done changes nothing, but sends what follows again:
        the first delivery may have died between recording its end and sending on.
        """
        began = time.monotonic()
        ingest = self._ingests.find(message.ingest)
        with working_on(**message.about, course=ingest and ingest.course):
            outcome = self._handle(ingest, message)
            seconds = round(time.monotonic() - began, 3)
            logger.info("step", extra={"outcome": outcome, "seconds": seconds})

    def _handle(self, ingest: Ingest | None, message: StepMessage) -> str:
        """The outcome in a word."""
        if ingest is None or not is_current(ingest, message):
            self._send_on(message, ingest)
            return "not-current"
        try:
            if ingest.status is IngestStatus.ACCEPTED:
                ingest = self._ingests.update(
                    ingest.id,
                    partial(started, addresses=self._addresses),
                    event=self._ingests.event("plan", "started", "Planning"),
                )
            result = self._do(ingest, message)
            self._act(ingest, message, result)
        except (Fenced, Conflict) as late:
            logger.info("stopped: %s", late)
            # Perhaps it was this very delivery that moved the ingest on, and the answer got lost.
            self._send_on(message, self._ingests.find(message.ingest))
            return "fenced"
        return type(result).__name__.removeprefix("Step").lower()

    def _send_on(self, message: StepMessage, ingest: Ingest | None) -> None:
        if ingest is not None and is_passed(ingest, message):
            self._messages.send(self._flow.unsent(ingest))

    def _do(self, ingest: Ingest, message: StepMessage) -> StepResult:
        try:
            if message.step not in ANYWHERE:
                require_unmoved(ingest, self._addresses)
            return self._work(ingest, message)
        except KnownOutage as outage:
            return StepWaiting(str(outage))
        except OutOfTime as late:
            return self._late(message, late)
        except tuple(REFUSALS) as refusal:
            code = next(code for kind, code in REFUSALS.items() if isinstance(refusal, kind))
            return StepFailed(Failure.of_ingest(code, str(refusal), stage=ingest.standing))

    def _late(self, message: StepMessage, late: OutOfTime) -> StepWaiting:
        """A packet goes on at once from what it has stored; the rest begins anew, after a while."""
        is_packet = message.packet is not None
        due = self._clock() + LATE_RESEND if is_packet else None
        send = (message,) if is_packet else ()
        what = f"{message.step} of packet {message.packet}" if is_packet else message.step
        return StepWaiting(f"{what}: {late}", due=due, patience=NEVER, send=send, is_late=True)

    def _act(self, ingest: Ingest, message: StepMessage, result: StepResult) -> None:
        match result:
            case StepSucceeded(messages):
                self._messages.send(messages)
            case StepCompleted():
                pass
            case StepWaiting():
                self._park(ingest, message, result)
                self._messages.send(result.send)
            case StepFailed(failure, objects):
                self._lifecycle.fail(ingest, failure, objects=objects)

    def _park(self, ingest: Ingest, message: StepMessage, waiting: StepWaiting) -> None:
        """Waits in DynamoDB, holding no message; the janitor sends it again when it is due."""
        now = self._clock()
        name = parked_name(message)
        earlier = find_timer(self._state, ingest.id, name)
        patience = waiting.patience and int(waiting.patience.total_seconds())
        patient_since = earlier.patient_since if earlier else None
        if patience is None:
            # What was waited for with a patience of its own shows that no outage was left then.
            is_same = earlier is not None and earlier.patience is None
            since = from_text(earlier.since) if earlier and earlier.since and is_same else now
        else:
            # An outage in between is no end of it: two that take turns would never end.
            patient_since = patient_since or to_text(now)
            since = from_text(patient_since)
        late_runs = _late_runs(earlier, waiting)
        if late_runs >= MOST_LATE_RUNS:
            detail = f"{waiting.reason}, {late_runs} times"
            failure = Failure.of_ingest("out-of-time", detail, stage=ingest.standing)
            self._lifecycle.fail(ingest, failure)
            return
        if now - since >= (waiting.patience or self._parking.give_up_after):
            detail = f"{waiting.reason} (waited since {to_text(since)})"
            failure = Failure.of_ingest("gave-up-waiting", detail, stage=ingest.standing)
            self._lifecycle.fail(ingest, failure)
            return
        # Whoever fires the timer counts the attempt: a repeated delivery is none.
        attempts = earlier.attempts if earlier else 0
        due = waiting.due or now + self._parking.gap(attempts)
        kept = {
            "attempts": attempts,
            "patience": patience,
            "patient_since": patient_since,
            "late_runs": late_runs,
        }
        timer = parked_timer(message, due=due, since=since).model_copy(update=kept)
        try:
            self._state.write(
                set_timer(timer),
                self._ingests.current(ingest),
            )
        except ConditionFailed:
            raise Fenced(f"ingest {ingest.id} moved on while it waited") from None
        logger.info("waiting: %s", waiting.reason, extra={"due": timer.due_date})
        event = self._ingests.event(
            message.step, "waiting", f"Waiting: {waiting.reason}", replica=message.replica
        )
        self._ingests.note(ingest, event)


def _late_runs(earlier: Timer | None, waiting: StepWaiting) -> int:
    """How many in a row there were, whatever outage was in between."""
    before = earlier.late_runs if earlier else 0
    if waiting.is_late:
        return before + 1
    is_outage = waiting.patience is None
    return before if is_outage else 0


def parked_timer(message: StepMessage, *, due: datetime, since: datetime) -> Timer:
    """The timer of a step that waits."""
    return Timer(
        ingest=message.ingest,
        name=parked_name(message),
        kind=TimerKind.PARKED,
        due_date=to_text(due),
        message=message,
        since=to_text(since),
    )


def parked_name(message: StepMessage) -> str:
    """Tells a parked step apart from the others of its ingest, and from earlier epochs'."""
    part = f"{message.replica or ''}#{'' if message.packet is None else message.packet}"
    return f"parked#{message.epoch}#{message.step}#{part}"
