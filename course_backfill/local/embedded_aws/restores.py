"""When restores from archives are done, and when the restored copies are gone again.

`POST /_restores` with a JSON object of the fields of RestorePace sets the pace.
"""

import heapq
import itertools
import math
import time
import weakref
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, Field

PATH = "/_restores"
DAY_SECONDS = 86_400.0
SPEEDS = {"Bulk": 0, "Standard": 1, "Expedited": 2}
"""The tiers a restore can be asked for with; a faster one has the higher number."""


class RestorePace(BaseModel, extra="forbid"):
    """How long restores take, and how long the days are that a restored copy stays.

    All of it holds for restores that are under way and copies that are there, too: `seconds` of 0
    ends every restore, `day_seconds` of 0 takes every restored copy away. Without seconds of its
    own a tier takes `seconds`. A real day ends at midnight UTC, as in S3, any other with its last
    second.
    """

    seconds: float = Field(default=0.0, ge=0)
    expedited_seconds: float | None = Field(default=None, ge=0)
    bulk_seconds: float | None = Field(default=None, ge=0)
    day_seconds: float = Field(default=DAY_SECONDS, ge=0)
    expedited: Literal["available", "unavailable"] = "available"

    def seconds_of(self, tier: str) -> float:
        """How long a restore of this tier takes."""
        own = {"Expedited": self.expedited_seconds, "Bulk": self.bulk_seconds}.get(tier)
        return self.seconds if own is None else own

    def end_of(self, days: int, since: float) -> float:
        """When the last of these days is over, in whole seconds since 1970 where they take any."""
        end = since + days * self.day_seconds
        if not self.day_seconds:
            return end
        if self.day_seconds == DAY_SECONDS:
            return (end // DAY_SECONDS + 1) * DAY_SECONDS
        return math.ceil(end)


@dataclass
class Restoration:
    """One restore. `days` is None where what is restored stays; times in seconds since 1970."""

    tier: str
    days: int | None
    asked_at: float
    counted_from: float | None = None
    """When the copy was there, or its days were last counted anew; None while under way."""
    expires_at: float | None = None
    """When the copy goes; None while under way."""

    @property
    def under_way(self) -> bool:
        """Whether nothing can be read yet."""
        return self.counted_from is None

    def keep(self, days: int, since: float) -> None:
        """Counts the days of a restored copy from `since`."""
        self.days, self.counted_from = days, since

    def due(self, pace: RestorePace) -> float | None:
        """When it goes on to its next state; None where there is none."""
        if self.counted_from is None:
            return self.asked_at + pace.seconds_of(self.tier)
        if self.days is None:
            return None
        self.expires_at = pace.end_of(self.days, self.counted_from)
        return self.expires_at


class Restorable(Protocol):
    """What can be restored: an archived object."""

    restoration: Restoration | None

    def restored(self) -> None:
        """The restore is done."""

    def expired(self) -> None:
        """The restored copy is gone."""


class RestoreSchedule:
    """All restores under way and all restored copies, by when they go on to their next state."""

    def __init__(self) -> None:
        self.pace = RestorePace()
        self._due: list[tuple[float, int, weakref.ref[Restorable]]] = []
        self._numbers = itertools.count()

    def order(self, pace: RestorePace) -> None:
        """Sets the pace. What was done before stays done."""
        self.settle()
        self.pace = pace
        living = filter(None, (reference() for _, _, reference in self._due))
        known = {id(archived): archived for archived in living}
        self._due = []
        for archived in known.values():
            self.place(archived)
        self.settle()

    def place(self, archived: Restorable) -> None:
        """Takes note of a restore that was begun or changed."""
        due = archived.restoration.due(self.pace) if archived.restoration else None
        if due is not None:
            entry = (due, next(self._numbers), weakref.ref(archived))
            heapq.heappush(self._due, entry)

    def settle(self) -> None:
        """Moves on everything that is due by now."""
        now = time.time()
        while self._due and self._due[0][0] <= now:
            due, _, reference = heapq.heappop(self._due)
            archived = reference()
            restoration = archived.restoration if archived else None
            # A restore that was changed in between has another entry.
            if archived is None or restoration is None or restoration.due(self.pace) != due:
                continue
            if restoration.under_way:
                restoration.counted_from = now
                archived.restored()
                self.place(archived)
            else:
                archived.restoration = None
                archived.expired()

    def seconds_to_next(self) -> float | None:
        """Until something is due; None where nothing ever will be."""
        return max(0.0, self._due[0][0] - time.time()) if self._due else None
