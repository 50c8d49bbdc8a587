"""Dead letters: messages that no worker could do, why, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from course_backfill.clock import Clock, to_text
from course_backfill.deliveries import Malformed
from course_backfill.errors import InvalidInput, Problem
from course_backfill.ingest_states import is_current
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Key, MessageSender, StateStore, Write
from course_backfill.records import Record
from course_backfill.redaction import redacted
from course_backfill.stores.ingests import IngestStore

TABLE = "ingests"
INDEX = "by-status"
DEAD = "DEADLETTER#dead"
"""The partition of the index that lists what is dead now."""
REDRIVEN = "DEADLETTER#redriven"
"""The partition that lists what was sent again, or taken off the other where it cannot be."""
UNREADABLE = "unreadable"
"""Where a message lies that names no ingest."""
MAX_BODY = 2_048
PAGE = 100
MAX_REDRIVEN = 1_000
"""More are left for another call, so that each ends in time."""
TOGETHER = 50


class DeadLetterState(StrEnum):
    """redelivering → dead → redriven."""

    REDELIVERING = "redelivering"
    DEAD = "dead"
    REDRIVEN = "redriven"


class DeadLetter(Record):
    """One message and its last error. `body` is what came, redacted, where it was no StepMessage.

    `redriven_by` asked for it to be sent again, at `redriven_date`.
    """

    id: str
    """The message's own id, which its redeliveries and the dead-letter queue keep."""
    service: str
    ingest: str | None = None
    message: StepMessage | None = None
    body: str | None = None
    receives: int
    error: str
    first_date: str
    last_date: str
    state: DeadLetterState
    redriven_by: str | None = None
    redriven_date: str | None = None


_LISTED = {DeadLetterState.DEAD: DEAD, DeadLetterState.REDRIVEN: REDRIVEN}

NO_ERROR = "No error was recorded: the worker died, or ran out of time or memory"
FOREIGN = "It is no message of ours, and was taken off the list: nothing could be done by it"
IN_VAIN = (
    "Sent again, to no effect: its ingest has ended or moved on. Start the course again instead"
)


@dataclass(frozen=True, slots=True)
class Redriven:
    """What redriving one dead letter did: it was sent again, or why not or why in vain."""

    id: str
    sent: bool
    counts: bool
    description: str


class DeadLetterStore:
    """Records messages from their first unexpected error to their redrive."""

    def __init__(
        self, state: StateStore, ingests: IngestStore, messages: MessageSender, clock: Clock
    ) -> None:
        self._state = state
        self._ingests = ingests
        self._messages = messages
        self._clock = clock

    def note_error(
        self,
        message_id: str,
        *,
        service: str,
        message: StepMessage | Malformed,
        error: str,
        receives: int,
    ) -> None:
        """Remembers an unexpected error of a message that will be delivered again."""
        state = DeadLetterState.REDELIVERING
        self._put(message_id, service, message, state, error=error, receives=receives)

    def bury(
        self, message_id: str, *, service: str, message: StepMessage | Malformed, receives: int
    ) -> DeadLetter:
        """Records that the message arrived among the dead letters; keeps its last error."""
        return self._put(message_id, service, message, DeadLetterState.DEAD, receives=receives)

    def listing(
        self,
        *,
        limit: int,
        state: DeadLetterState = DeadLetterState.DEAD,
        service: str | None = None,
        ingest: str | None = None,
        before: str = "",
    ) -> tuple[list[DeadLetter], str | None]:
        """Those that are dead now, or were redriven, and the `before` of the next page or None.

        The newest are first: by when they first failed, or by when they were redriven.
        """
        found: list[DeadLetter] = []
        last = before
        for position, letter in self._listed(state, before):
            if service not in {None, letter.service} or ingest not in {None, letter.ingest}:
                continue
            if len(found) == limit:
                return found, last
            found.append(letter)
            last = position
        return found, None

    def redrive(
        self,
        *,
        by: str,
        ids: frozenset[str] = frozenset(),
        service: str | None = None,
        ingest: str | None = None,
    ) -> list[Redriven]:
        """Sends dead messages again: these, a service's, or an ingest's; exactly one of the three.

        `by` asks for it, and is recorded. A message that no longer counts is harmless: its worker
        passes over it; what is none of ours is not sent, and dead no longer. An id that is not
        dead is told as such. Raises InvalidInput where not exactly one choice was made.
        """
        if bool(ids) + (service is not None) + (ingest is not None) != 1:
            raise InvalidInput(Problem("", "expected exactly one of ids, service and ingest"))
        letters = (letter for _, letter in self._listed(DeadLetterState.DEAD, ""))
        chosen = [
            letter
            for letter in letters
            if letter.id in ids or service == letter.service or (ingest and ingest == letter.ingest)
        ][:MAX_REDRIVEN]
        done = [
            one
            for start in range(0, len(chosen), TOGETHER)
            for one in self._redrive(chosen[start : start + TOGETHER], by)
        ]
        unknown = sorted(ids - {letter.id for letter in chosen})
        return done + [_not_sent(one, "There is no such dead letter") for one in unknown]

    def _redrive(self, letters: Sequence[DeadLetter], by: str) -> Iterator[Redriven]:
        sendable = [(letter, letter.message) for letter in letters if letter.message]
        counting = {letter.id for letter, message in sendable if self._counts(message)}
        # Sent before they are marked: a crash in between sends them twice, and not never.
        self._messages.send([message for _, message in sendable])
        mark = {
            "state": DeadLetterState.REDRIVEN,
            "redriven_by": by,
            "redriven_date": to_text(self._clock()),
        }
        marked = [letter.model_copy(update=mark) for letter in letters]
        self._state.write(*(Write(_key(letter), item=_item(letter)) for letter in marked))
        for letter in letters:
            if letter.message is None:
                yield _not_sent(letter.id, FOREIGN)
            elif letter.id in counting:
                yield Redriven(letter.id, True, True, "Sent again")
            else:
                yield Redriven(letter.id, True, False, IN_VAIN)

    def _counts(self, message: StepMessage) -> bool:
        if message.step is Step.DISCOVER:
            return True
        found = self._ingests.find(message.ingest)
        return found is not None and is_current(found, message)

    def _listed(self, state: DeadLetterState, before: str) -> Iterator[tuple[str, DeadLetter]]:
        cursor: str | None = before
        while cursor is not None:
            page = self._state.query_index(
                INDEX, _LISTED[state], limit=PAGE, before=cursor, descending=True
            )
            for item in page.items:
                yield item["createdKey"], DeadLetter.from_item(item)
            cursor = page.cursor

    def _put(
        self,
        message_id: str,
        service: str,
        message: StepMessage | Malformed,
        state: DeadLetterState,
        *,
        receives: int,
        error: str | None = None,
    ) -> DeadLetter:
        ours = message if isinstance(message, StepMessage) else None
        now = to_text(self._clock())
        letter = DeadLetter(
            id=message_id,
            service=service,
            ingest=ours.ingest if ours else None,
            message=ours,
            body=redacted(message.body, limit=MAX_BODY) if isinstance(message, Malformed) else None,
            receives=receives,
            error=redacted(error) if error else NO_ERROR,
            first_date=now,
            last_date=now,
            state=state,
        )
        item = self._state.get(_key(letter))
        if item:
            letter = _merged(DeadLetter.from_item(item), letter, error)
        self._state.write(Write(_key(letter), item=_item(letter)))
        return letter


def _not_sent(letter: str, reason: str) -> Redriven:
    return Redriven(letter, False, False, reason)


def _merged(before: DeadLetter, after: DeadLetter, error: str | None) -> DeadLetter:
    # A late note about a message that is dead already must not bring it back to life.
    is_late = before.state is not DeadLetterState.REDELIVERING
    return after.model_copy(
        update={
            "first_date": before.first_date,
            "receives": max(before.receives, after.receives),
            "error": after.error if error else before.error,
            "state": before.state if is_late else after.state,
            "redriven_by": before.redriven_by,
            "redriven_date": before.redriven_date,
        }
    )


def _key(letter: DeadLetter) -> Key:
    return Key(TABLE, letter.ingest or UNREADABLE, f"DEADLETTER#{letter.id}")


def _item(letter: DeadLetter) -> dict[str, Any]:
    item = letter.to_item()
    if letter.state not in _LISTED:
        return item
    date = letter.redriven_date or letter.first_date
    return item | {"statusKey": _LISTED[letter.state], "createdKey": f"{date}#{letter.id}"}
