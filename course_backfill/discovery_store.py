"""Discoveries: the record of each search for courses, in the ingests table."""

from __future__ import annotations

from typing import Any

from course_backfill.clock import Clock, to_text
from course_backfill.errors import ConditionFailed, NotFound
from course_backfill.failures import Failure
from course_backfill.ingests import Discovery, IngestStatus
from course_backfill.ports import Condition, Key, StateStore, Write

TABLE = "ingests"


class DiscoveryStore:
    """Stores discoveries: accepted, then succeeded or failed."""

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    def add(self, discovery: str, *, by: str) -> Discovery:
        """Stores a new discovery; raises ConditionFailed where the id is taken."""
        found = Discovery(id=discovery, requested_by=by, created_date=to_text(self._clock()))
        absent = (Condition("pk", "absent"),)
        self._state.write(Write(_key(discovery), item=found.to_item(), when=absent))
        return found

    def get(self, discovery: str) -> Discovery:
        """The discovery; raises NotFound."""
        item = self._state.get(_key(discovery))
        if item is None:
            raise NotFound(f"there is no discovery {discovery}")
        return Discovery.from_item(item)

    def end(
        self, discovery: str, *, found: int = 0, added: int = 0, failure: Failure | None = None
    ) -> None:
        """Records what came of it; a repeat changes nothing. Raises NotFound."""
        status = IngestStatus.FAILED if failure else IngestStatus.SUCCEEDED
        changes: dict[str, Any] = {
            "status": status.value,
            "endedDate": to_text(self._clock()),
            "found": found,
            "added": added,
        }
        if failure:
            changes["failure"] = failure.to_item()
        open_still = (Condition("status", "equals", IngestStatus.ACCEPTED.value),)
        try:
            self._state.write(Write(_key(discovery), assign=changes, when=open_still))
        except ConditionFailed:
            self.get(discovery)  # Ended before, which is fine; or never stored, which is not.


def _key(discovery: str) -> Key:
    return Key(TABLE, discovery, "DISCOVERY")
