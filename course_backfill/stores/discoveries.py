"""The records of discoveries, in the ingests table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from course_backfill.clock import Clock, from_text, to_text
from course_backfill.discoveries import Discovery
from course_backfill.errors import ConditionFailed, NotFound
from course_backfill.failures import Failure
from course_backfill.ingests import SCHEDULE, IngestStatus
from course_backfill.ports import Condition, Key, StateStore, Write

TABLE = "ingests"
SCHEDULED = "scheduled"
"""The id of the one that the schedule begins again and again."""


class DiscoveryStore:
    """Stores discoveries: accepted, then succeeded or failed."""

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    def add(self, discovery: str, *, by: str) -> Discovery:
        """Stores a new discovery; raises ConditionFailed where the id is taken."""
        new = Discovery(id=discovery, requested_by=by, created_date=to_text(self._clock()))
        absent = Condition("pk", "absent")
        self._state.write(Write(_key(discovery), item=new.to_item(), when=(absent,)))
        return new

    def schedule(self, every: timedelta) -> Discovery | None:
        """The scheduled discovery: begun anew, or the one that is still under way.

        None where one was begun less than half of `every` ago: each machine has a schedule.
        """
        last = self.find(SCHEDULED)
        if last is None:
            try:
                return self.add(SCHEDULED, by=SCHEDULE)
            except ConditionFailed:
                return None
        if not last.status.is_end:
            return last
        now = self._clock()
        if now - from_text(last.created_date) < every / 2:
            return None
        new = Discovery(id=SCHEDULED, requested_by=SCHEDULE, created_date=to_text(now))
        try:
            self._state.write(Write(_key(SCHEDULED), item=new.to_item(), when=_unchanged(last)))
        except ConditionFailed:
            return None
        return new

    def find(self, discovery: str) -> Discovery | None:
        """The discovery, or None."""
        item = self._state.get(_key(discovery))
        return Discovery.from_item(item) if item else None

    def get(self, discovery: str) -> Discovery:
        """The discovery; raises NotFound."""
        found = self.find(discovery)
        if found is None:
            raise NotFound(f"there is no discovery {discovery}")
        return found

    def advance(self, before: Discovery, *also: Write, **changes: Any) -> Discovery:
        """The discovery with these changes, stored in one transaction with `also`.

        Raises ConditionFailed where someone else went on with it, where it has ended, or where a
        condition of `also` does not hold.
        """
        after = before.model_copy(update=changes)
        write = Write(_key(before.id), item=after.to_item(), when=_unchanged(before))
        self._state.write(write, *also)
        return after

    def succeed(self, before: Discovery) -> Discovery:
        """Ends it; raises ConditionFailed as `advance` does."""
        ended_date = to_text(self._clock())
        return self.advance(before, status=IngestStatus.SUCCEEDED, ended_date=ended_date)

    def fail(self, discovery: str, failure: Failure) -> None:
        """Ends it with what it has found so far; a repeat changes nothing. Raises NotFound."""
        changes: dict[str, Any] = {
            "status": IngestStatus.FAILED.value,
            "endedDate": to_text(self._clock()),
            "failure": failure.to_item(),
        }
        open_still = (Condition("status", "equals", IngestStatus.ACCEPTED.value),)
        try:
            self._state.write(Write(_key(discovery), assign=changes, when=open_still))
        except ConditionFailed:
            self.get(discovery)  # Ended before, which is fine; or never stored, which is not.


def _key(discovery: str) -> Key:
    return Key(TABLE, discovery, "DISCOVERY")


def _unchanged(seen: Discovery) -> tuple[Condition, ...]:
    return (
        Condition("createdDate", "equals", seen.created_date),
        Condition("status", "equals", seen.status.value),
        Condition("checkedUpTo", "equals", seen.checked_up_to),
    )
