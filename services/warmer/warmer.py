"""Has cold objects restored, and holds the ingest back until they can be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from course_backfill.clock import Clock
from course_backfill.cold.costs import RestoreCosts
from course_backfill.cold.looks import (
    Look,
    is_overdue,
    is_raised,
    is_worn_out,
    keep_until,
    next_look,
    said_of,
    said_of_asking,
    warmed,
)
from course_backfill.cold.warming import Warming
from course_backfill.copies.location_ports import ObjectRestorer
from course_backfill.copies.places import Places
from course_backfill.copies.wanted_objects import unread_lists, wanted_objects
from course_backfill.courses import CourseId
from course_backfill.errors import ConditionFailed, Fenced, KnownOutage
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced, require_current
from course_backfill.ingest_step import (
    NEVER,
    StepCompleted,
    StepFailed,
    StepResult,
    StepSucceeded,
    StepWaiting,
    parked_name,
    parked_timer,
)
from course_backfill.ingests import Ingest, IngestStatus, ReplicaStatus, Stage
from course_backfill.lifecycle import Lifecycle
from course_backfill.locations import Location
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import StateStore, WorkStore, Write
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.stores.timers import clear_timer, set_timer
from course_backfill.tasks import Task
from services.warmer.asking import Asking, Pace, RestoreRefused, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How restores are waited for."""

    give_up_after: timedelta
    poll: timedelta
    first_look: timedelta | None
    """None: as soon as S3 says that they may be done."""
    run: timedelta = timedelta(seconds=60)
    """How long one run asks for restores."""


class Warmer:
    """The listing is the truth: nothing is stored about single objects."""

    def __init__(
        self,
        *,
        places: Places,
        restorer: Callable[[Location], ObjectRestorer],
        work: WorkStore,
        state: StateStore,
        ingests: IngestStore,
        packets: PacketStore,
        costs: RestoreCosts,
        lifecycle: Lifecycle,
        flow: Flow,
        executor: Executor,
        pace: Pace,
        clock: Clock,
        patience: Patience,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._restorer = restorer
        self._work = work
        self._state = state
        self._ingests = ingests
        self._packets = packets
        self._costs = costs
        self._lifecycle = lifecycle
        self._flow = flow
        self._executor = executor
        self._pace = pace
        self._clock = clock
        self._patience = patience
        self._monotonic = monotonic

    def warm(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Asks for what is cold; sends the ingest on once everything that it must read can be.

        While the ingest reads, it keeps warm what was restored, and asks again for what expired.
        """
        try:
            look = self._look(ingest)
        except RestoreRefused as refused:
            return _failed(ingest, "restore-refused", str(refused))
        except KnownOutage as outage:
            return self._put_off(ingest, outage)
        if isinstance(look, StepFailed):
            return look
        warming = warmed(ingest.warming, look, ingest.restore)
        if look.waiting:
            return self._wait(ingest, message, look, warming)
        return self._go_on(ingest, message, look, warming)

    def _look(self, ingest: Ingest) -> Look | StepFailed:
        """Where the cost is limited, looks first and asks afterwards: for all of it, or nothing."""
        if ingest.restore.max_cost_cents is None or is_worn_out(ingest.warming):
            return self._pass(ingest)
        seen = self._pass(ingest, may_ask=False)
        refused = self._costs.refusal_of(ingest, seen.needs)
        if refused or not seen.needs:
            return refused or seen
        return self._pass(ingest)

    def _pass(self, ingest: Ingest, *, may_ask: bool = True) -> Look:
        before, wish, now = ingest.warming, ingest.restore, self._clock()
        is_promised = ingest.task is Task.WARM
        terms = Terms(
            tier=wish.tier,
            days=wish.days,
            keep_until=keep_until(before, wish, now, is_promised=is_promised),
            is_raising=is_raised(before, wish),
            raised_to=(before.raised_to if before else None) or "",
            is_anew=ingest.stage is not Stage.WARMING,
            may_ask=may_ask and not is_worn_out(before),
        )
        asking = Asking(
            terms,
            restorer=self._restorer,
            executor=self._executor,
            pace=self._pace,
            clock=self._clock,
            first_look=self._patience.first_look,
            run=self._patience.run,
            monotonic=self._monotonic,
        )
        replicas = self._packets.replicas(ingest.id)
        lists = unread_lists(ingest, replicas, work=self._work, packets=self._packets)
        course = CourseId.parse(ingest.course)
        return asking.look(wanted_objects(lists, places=self._places, course=course))

    def _put_off(self, ingest: Ingest, outage: KnownOutage) -> StepResult:
        """Restores go on without us; who reads what they restore gives up by himself."""
        if ingest.warming is None:
            raise outage
        if ingest.stage is Stage.WARMING and self._is_overdue(ingest.warming):
            detail = f"{outage} (restores were asked for since {ingest.warming.started_date})"
            return _failed(ingest, "gave-up-waiting", detail)
        # By the date at which restoring began it is given up: an outage does not move that.
        return StepWaiting(str(outage), patience=NEVER)

    def _is_overdue(self, warming: Warming) -> bool:
        return is_overdue(warming, self._clock(), self._patience.give_up_after)

    def _go_on(
        self, ingest: Ingest, message: StepMessage, look: Look, warming: Warming
    ) -> StepResult:
        """Everything can be read: on to reading it, or to the end where that was all."""
        if ingest.stage is not Stage.WARMING:
            return self._send_readers(ingest, message, look, warming)
        micros = self._costs.micros(ingest, look.taken)
        if ingest.task is Task.WARM:
            self._lifecycle.end(
                ingest,
                IngestStatus.SUCCEEDED,
                description=_lasting(warming),
                change=partial(_with_warming, message=message, warming=warming, micros=micros),
                also=[
                    self._packets.status_write(ingest.id, one, ReplicaStatus.READABLE)
                    for one in ingest.locations
                ],
            )
            return StepCompleted()
        stage = Stage.VERIFYING if ingest.task is Task.AUDIT else Stage.REPLICATING
        due = next_look(warming, look, poll=self._patience.poll)

        def readable(now: Ingest) -> Ingest:
            moved = advanced(now, message, stage)
            spent = now.restores_micros + micros
            return moved.model_copy(update={"warming": warming, "restores_micros": spent})

        moved = self._ingests.update(
            ingest.id,
            readable,
            event=self._ingests.event(Step.WARM, "succeeded", said_of(warming, look)),
            extra=lambda before, after: [self._timer(message, due)],
        )
        return StepSucceeded(self._flow.messages(moved))

    def _send_readers(
        self, ingest: Ingest, message: StepMessage, look: Look, warming: Warming
    ) -> StepResult:
        """All that is yet to be read can be: whoever waited for it is sent for at once."""
        has_waited = ingest.warming is not None and ingest.warming.asked > 0
        self._record(ingest, message, look, warming)
        due = next_look(warming, look, poll=self._patience.poll)
        done = self._come_back(ingest, message, due)
        return StepSucceeded(self._flow.messages(ingest)) if has_waited else done

    def _wait(
        self, ingest: Ingest, message: StepMessage, look: Look, warming: Warming
    ) -> StepResult:
        if look.cold and is_worn_out(ingest.warming):
            return _failed(ingest, "restore-expired", _worn_out(ingest, look))
        self._record(ingest, message, look, warming)
        if look.cut_at is not None:
            return StepSucceeded([message])
        if self._is_overdue(warming):
            return _failed(ingest, "restore-overdue", _overdue(warming, look))
        due = next_look(warming, look, poll=self._patience.poll)
        if ingest.stage is Stage.WARMING:
            return StepWaiting(said_of(warming, look), due=due, patience=NEVER)
        return self._come_back(ingest, message, due)

    def _come_back(
        self, ingest: Ingest, message: StepMessage, due: datetime | None
    ) -> StepCompleted:
        """To look again while others read; without a sign of waiting, for nobody waits for it."""
        try:
            self._state.write(self._timer(message, due), self._ingests.current(ingest))
        except ConditionFailed:
            raise Fenced(f"ingest {ingest.id} moved on while it was looked at") from None
        return StepCompleted()

    def _timer(self, message: StepMessage, due: datetime | None) -> Write:
        if due is None:
            return clear_timer(message.ingest, parked_name(message))
        return set_timer(parked_timer(message, due=due, since=self._clock()))

    def _record(self, ingest: Ingest, message: StepMessage, look: Look, warming: Warming) -> None:
        micros = self._costs.micros(ingest, look.taken)
        if look.fell_back:
            said = "S3 has no capacity for Expedited restores at the moment: Standard was asked for"
            self._ingests.note(ingest, self._ingests.event(Step.WARM, "fell-back", said))
        asked = self._ingests.event(Step.WARM, "asked", said_of_asking(look))
        self._ingests.update(
            ingest.id,
            partial(_with_warming, message=message, warming=warming, micros=micros),
            event=asked if look.asked else None,
        )


def _with_warming(now: Ingest, *, message: StepMessage, warming: Warming, micros: int) -> Ingest:
    require_current(now, message)
    rounds = max(warming.rounds, now.warming.rounds if now.warming else 1)
    return now.model_copy(
        update={
            "warming": warming.model_copy(update={"rounds": rounds}),
            "restores_micros": now.restores_micros + micros,
        }
    )


def _lasting(warming: Warming) -> str:
    if warming.objects == 0:
        return "Nothing is cold"
    until = f" until {warming.readable_until}" if warming.readable_until else ""
    return f"All {warming.objects} cold object(s) can be read{until}"


def _worn_out(ingest: Ingest, look: Look) -> str:
    rounds = ingest.warming.rounds if ingest.warming else 1
    return (
        f"{look.cold} object(s) went cold again before they were read, "
        f"after being restored {rounds} time(s)"
    )


def _overdue(warming: Warming, look: Look) -> str:
    return (
        f"{look.waiting} of {look.objects} cold object(s) still cannot be read, "
        f"asked for since {warming.started_date}"
    )


def _failed(ingest: Ingest, code: str, detail: str) -> StepFailed:
    return StepFailed(Failure.of_ingest(code, detail, stage=ingest.standing))
