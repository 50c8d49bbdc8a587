"""The ingests table: every change of an ingest is one transaction made here."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from course_backfill.clock import Clock, from_text, to_text
from course_backfill.errors import ConditionFailed, Conflict, Fenced, NotFound
from course_backfill.ingest_states import is_announcement_pending, is_callback_pending, is_over
from course_backfill.ingests import (
    Event,
    Ingest,
    IngestStatus,
    Leg,
    Stage,
)
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Condition, Key, StateStore, Write
from course_backfill.redaction import redacted
from course_backfill.stores.timers import Timer, TimerKind, clear_timer, set_timer

TABLE = "ingests"
OWN_EVENTS, OBJECT_EVENTS = "EVENT#", "EVENTOF#"
"""Apart, so that an ingest that mended a hundred thousand objects is shown as fast as any."""
LONGEST_DESCRIPTION = 2_000
"""Of an event, in characters."""
MAX_TRIES = 20
"""Lost races in a row before an update gives up; each loss means that someone else got through."""

RETRIED = 3
"""The first epoch that may come after a retry, of whose leg before nothing is known."""

Change = Callable[[Ingest], Ingest]
ExtraWrites = Callable[[Ingest, Ingest], list[Write]]


class IngestStore:
    """Stores ingests; `change` functions are pure and come from `ingest_states`."""

    def __init__(self, state: StateStore, clock: Clock, *, resend_after: timedelta) -> None:
        self._state = state
        self._clock = clock
        self._resend_after = resend_after

    def find(self, ingest: str) -> Ingest | None:
        """The ingest, or None."""
        item = self._state.get(key(ingest))
        return Ingest.from_item(item) if item else None

    def get(self, ingest: str) -> Ingest:
        """The ingest; raises NotFound."""
        found = self.find(ingest)
        if found is None:
            raise NotFound(f"there is no ingest {ingest}")
        return found

    def add(self, ingest: Ingest, *, event: Event, extra: Iterable[Write] = ()) -> None:
        """Stores a new ingest; raises ConditionFailed where its id or its course is taken.

        The watch is set at once, so that an ingest whose first message is never sent is noticed.
        """
        self._state.write(
            Write(key(ingest.id), item=_item(ingest), when=(Condition("pk", "absent"),)),
            self._event(ingest, event),
            self._watch(ingest),
            *extra,
        )

    def update(
        self,
        ingest: str,
        change: Change,
        *,
        event: Event | None = None,
        extra: ExtraWrites = lambda before, after: [],
    ) -> Ingest:
        """Applies a pure change with what belongs to it in one transaction, however many race.

        Whatever `change` or `extra` raises comes through. A repeat that changes nothing writes
        nothing. Raises ConditionFailed where a condition of `extra` fails while the ingest itself
        stayed as it was read.
        """
        before = self.get(ingest)
        for _ in range(MAX_TRIES):
            after = change(before)
            if after == before:
                return before
            after = after.model_copy(
                update={"revision": before.revision + 1, "last_modified_date": self.now_text()}
            )
            writes = [self._replace(before, after), *self._timers(after), *extra(before, after)]
            if event:
                writes.append(self._event(after, event))
            try:
                self._state.write(*writes)
            except ConditionFailed:
                latest = self.get(ingest)
                if latest.revision == before.revision:
                    raise
                before = latest
            else:
                return after
        raise Conflict(f"ingest {ingest} changes too fast; try again in a moment")

    @property
    def sign_every(self) -> timedelta:
        """The age from which a sign of life is old, and still far from that of a lost message."""
        return self._resend_after / 4

    def leave_sign(self, ingest: Ingest) -> None:
        """Shows that work on the ingest goes on, where the last sign of that is old.

        Raises Fenced where the ingest no longer is in the same epoch, leg and stage.
        """

        def at_work(now: Ingest) -> Ingest:
            if (now.epoch, now.leg, now.stage) != (ingest.epoch, ingest.leg, ingest.stage):
                raise Fenced(f"ingest {ingest.id} has moved on from epoch {ingest.epoch}")
            if self._clock() - from_text(now.last_modified_date) < self.sign_every:
                return now
            return now.model_copy(update={"last_modified_date": self.now_text()})

        self.update(ingest.id, at_work)

    def current(self, ingest: Ingest) -> Write:
        """Demands, within another transaction, that the ingest still is where it was.

        That is in the same epoch, leg and stage.
        """
        stage = ingest.stage.value if ingest.stage else None
        return Write(
            key(ingest.id),
            when=(
                Condition("epoch", "equals", ingest.epoch),
                Condition("leg", "equals", ingest.leg.value),
                Condition("stage", "equals", stage),
            ),
        )

    def note(self, ingest: Ingest, event: Event) -> None:
        """Records an event alone; a repeat is the same event."""
        self._state.write(self._event(ingest, event))

    def events(self, ingest: str) -> list[Event]:
        """The events of its own life, oldest first; not those about single objects."""
        found: list[Event] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self._state.query(TABLE, ingest, sk_prefix=OWN_EVENTS, after=cursor)
            found += map(Event.from_item, page.items)
            cursor = page.cursor
        return sorted(found, key=lambda one: one.created_date)

    def all_events(
        self, ingest: str, *, limit: int, after: str = ""
    ) -> tuple[list[Event], str | None]:
        """So many events, its own first, then those about single objects; and the next `after`."""
        page = self._state.query(TABLE, ingest, sk_prefix="EVENT", limit=limit, after=after)
        found = map(Event.from_item, page.items)
        return sorted(found, key=lambda one: (bool(one.object), one.created_date)), page.cursor

    def listing(
        self,
        *,
        course: str | None = None,
        status: IngestStatus | None = None,
        stage: Stage | None = None,
        limit: int,
        before: str = "",
    ) -> tuple[list[Ingest], str | None]:
        """Ingests newest first, and the `before` of the next page or None."""
        if course is not None:
            partitions = [self._partition("by-course", course, before)]
        else:
            statuses = [status] if status else list(IngestStatus)
            partitions = [self._partition("by-status", one.value, before) for one in statuses]
        newest_first = heapq.merge(*partitions, key=lambda one: one.created_key, reverse=True)
        wanted = (
            one
            for one in newest_first
            if (status is None or one.status is status) and (stage is None or one.stage is stage)
        )
        found = list(islice(wanted, limit + 1))
        cursor = found[limit - 1].created_key if len(found) > limit else None
        return found[:limit], cursor

    def now_text(self) -> str:
        """The present moment as stored."""
        return to_text(self._clock())

    def event(self, step: str, outcome: str, description: str, **fields: str | None) -> Event:
        """A fact of this moment."""
        return Event(
            created_date=self.now_text(),
            step=step,
            outcome=outcome,
            description=redacted(description, limit=LONGEST_DESCRIPTION),
            replica=fields.get("replica"),
            object=fields.get("object"),
            requested_by=fields.get("requested_by"),
        )

    def _partition(self, index: str, partition: str, before: str) -> Iterator[Ingest]:
        cursor: str | None = before
        while cursor is not None:
            page = self._state.query_index(
                index, partition, limit=100, before=cursor, descending=True
            )
            yield from (Ingest.from_item(item) for item in page.items)
            cursor = page.cursor

    def _replace(self, before: Ingest, after: Ingest) -> Write:
        unchanged = Condition("revision", "equals", before.revision)
        return Write(key(after.id), item=_item(after), when=(unchanged,))

    def _event(self, ingest: Ingest, event: Event) -> Write:
        name = f"{ingest.epoch:06d}#{event.step}#{event.replica or ''}#{event.outcome}"
        if event.object is None:
            return Write(Key(TABLE, ingest.id, OWN_EVENTS + name), item=event.to_item())
        # A hash, because an object's key may be as long as a sort key.
        name += f"#{hashlib.sha256(event.object.encode()).hexdigest()}"
        return Write(Key(TABLE, ingest.id, OBJECT_EVENTS + name), item=event.to_item())

    def _timers(self, ingest: Ingest) -> list[Write]:
        if is_over(ingest):
            return [clear_timer(ingest.id, TimerKind.WATCH)]
        return [self._watch(ingest)]

    def _watch(self, ingest: Ingest) -> Write:
        due = self._clock() + self._resend_after
        return set_timer(_timer(ingest, TimerKind.WATCH, due))


def key(ingest: str) -> Key:
    """Where the ingest's own item lies."""
    return Key(TABLE, ingest, "INGEST")


def end_writes(
    ingest: Ingest, now: datetime, *, resweep_after: Iterable[timedelta] = ()
) -> list[Write]:
    """What every end leaves to be done later: whom to tell, and sweeps behind writers."""
    message = StepMessage(ingest=ingest.id, epoch=ingest.epoch, step=Step.NOTIFY)
    writes = []
    if is_callback_pending(ingest):
        writes.append(set_timer(_timer(ingest, TimerKind.CALLBACK, now, message=message)))
    if is_announcement_pending(ingest):
        writes.append(set_timer(_timer(ingest, TimerKind.ANNOUNCEMENT, now, message=message)))
    if _is_swept_behind(ingest):
        for number, gap in enumerate(resweep_after):
            writes.append(set_timer(_timer(ingest, TimerKind.RESWEEP, now + gap, number=number)))
    return writes


def _is_swept_behind(ingest: Ingest) -> bool:
    """Late writers may add to a version that was given up; any copying leaves open uploads."""
    if ingest.version:
        return ingest.status is not IngestStatus.SUCCEEDED
    has_copied = ingest.leg is Leg.LOCATIONS or ingest.epoch >= RETRIED
    return has_copied and ingest.ingest_type == "backfill-course" and not ingest.dry_run


def expiry_timer(ingest: Ingest, due: datetime) -> Write:
    """A kept failure expires into its rollback."""
    return set_timer(_timer(ingest, TimerKind.EXPIRY, due))


def _timer(
    ingest: Ingest,
    kind: TimerKind,
    due: datetime,
    *,
    message: StepMessage | None = None,
    number: int | None = None,
) -> Timer:
    name = kind.value if number is None else f"{kind.value}#{number}"
    return Timer(ingest=ingest.id, name=name, kind=kind, due_date=to_text(due), message=message)


def _item(ingest: Ingest) -> dict[str, object]:
    return ingest.to_item() | {
        "courseKey": ingest.course,
        "statusKey": ingest.status.value,
        "createdKey": ingest.created_key,
    }
