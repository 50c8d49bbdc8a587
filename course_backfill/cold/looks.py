"""Looks at what is being restored: what to ask S3 for, what is known then, and when to look again.

Pure. Nothing is kept of single objects: each look finds them as the listing shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from course_backfill.clock import from_text, to_text
from course_backfill.cold.estimates import ColdKind
from course_backfill.cold.storage import Restore, Tier, Warmth
from course_backfill.cold.warming import ColdTotals, PendingRestores, RestoreWish, Warming

KEEP_MARGIN = timedelta(hours=12)
"""What has yet to be read and expires sooner has its days counted anew."""
MAX_ROUNDS = 3
"""Times that an ingest's objects are restored, before copying counts as too slow for them."""


class Need(Enum):
    """What a look has to do about an object."""

    NOTHING = auto()
    ASK = auto()
    """Have it restored."""
    SPEED_UP = auto()
    """Ask again, with a tier that may be faster."""
    KEEP = auto()
    """Have the days of its copy counted anew."""


def need(state: Warmth, restore: Restore | None, *, keep_until: datetime, is_raising: bool) -> Need:
    """What is to be done about an object that is to be readable until then."""
    match state:
        case Warmth.COLD:
            return Need.ASK
        case Warmth.RESTORING:
            return Need.SPEED_UP if is_raising else Need.NOTHING
        case Warmth.READABLE:
            expires = restore.expires if restore else None
            return Need.KEEP if expires is not None and expires < keep_until else Need.NOTHING


@dataclass(slots=True)
class Look:
    """What one look at all that is yet to be read found, and what it asked for."""

    now: datetime
    objects: int = 0
    size: int = 0
    """In bytes."""
    cold: int = 0
    """Of these, neither restored nor being restored when they were looked at."""
    restoring: int = 0
    ready: int = 0
    asked: int = 0
    """Of the cold ones, asked for."""
    asked_size: int = 0
    tier: Tier | None = None
    """The slowest that S3 took in this look."""
    fell_back: bool = False
    """Whether S3 had no capacity for the tier that was wished."""
    soonest: timedelta = timedelta()
    """What S3 says that the restores of this look take, at least and at most."""
    longest: timedelta = timedelta()
    expires: datetime | None = None
    """When the first restored copy does."""
    needs: dict[ColdKind, ColdTotals] = field(default_factory=dict)
    """What had to be asked for, whether it was or not."""
    taken: dict[Tier, dict[ColdKind, ColdTotals]] = field(default_factory=dict)
    """What S3 took, by the tier that it took it with."""
    pending: dict[ColdKind, ColdTotals] = field(default_factory=dict)
    """What cannot be read yet."""
    cut_at: str | None = None
    """The last object that was dealt with, where the time was over."""

    @property
    def waiting(self) -> int:
        """How many cannot be read yet."""
        return self.cold + self.restoring

    def found(self, state: Warmth, size: int, expires: datetime | None) -> None:
        """Counts an object."""
        self.objects += 1
        self.size += size
        match state:
            case Warmth.COLD:
                self.cold += 1
            case Warmth.RESTORING:
                self.restoring += 1
            case Warmth.READABLE:
                self.ready += 1
                if expires is not None:
                    self.expires = min(self.expires or expires, expires)

    def priced(
        self, kind: ColdKind, size: int, *, state: Warmth, need: Need, took: Tier | None
    ) -> None:
        """Counts an archived object by what decides its price; `took`: S3 was asked, with that."""
        tallies = [] if state is Warmth.READABLE else [(self.pending, kind)]
        if need is not Need.NOTHING:
            asked = replace(kind, is_kept=need is Need.KEEP)
            tallies.append((self.needs, asked))
            if took is not None:
                tallies.append((self.taken.setdefault(took, {}), asked))
        for tally, counted in tallies:
            tally[counted] = tally.get(counted, ColdTotals()).plus(size)

    def took(self, tier: Tier, *, soonest: timedelta, longest: timedelta) -> None:
        """S3 restores an object with that tier."""
        self.tier = min(self.tier or tier, tier, key=lambda one: one.speed)
        self.soonest = max(self.soonest, soonest)
        self.longest = max(self.longest, longest)


def is_raised(before: Warming | None, wish: RestoreWish) -> bool:
    """Whether what is under way is to be asked for again: it may be slower than the wish.

    Where the cost is limited, what others had asked for before is left as it is.
    """
    if before is None:
        return wish.max_cost_cents is None
    if before.wished_tier is None:
        return True
    return wish.tier.speed > before.wished_tier.speed


def is_worn_out(before: Warming | None) -> bool:
    """Whether nothing is asked for any more: what was restored has expired too often."""
    return before is not None and before.is_asked and before.rounds >= MAX_ROUNDS


def is_overdue(warming: Warming, now: datetime, patience: timedelta) -> bool:
    """Whether restoring has taken too long."""
    return now - from_text(warming.started_date) >= patience


def keep_until(
    before: Warming | None, wish: RestoreWish, now: datetime, *, is_promised: bool
) -> datetime:
    """How long copies must last; where that is what was asked for, the wish's days."""
    soon = now + KEEP_MARGIN
    began = from_text(before.started_date) if before else now
    return max(soon, began + timedelta(days=wish.days)) if is_promised else soon


def warmed(before: Warming | None, look: Look, wish: RestoreWish) -> Warming:
    """How far restoring is after a look; `before` is as it was when the look began."""
    is_again = before is not None and _began_anew(before, look)
    is_new = before is None or is_again
    raising = is_raised(before, wish)
    dates = _dates(None if is_new else before, look, is_anew=raising and look.cut_at is None)
    is_all_wished = look.cut_at is None or not raising
    earlier = before.wished_tier if before else None
    return Warming(
        objects=look.objects,
        bytes=look.size,
        asked=look.asked + look.restoring,
        ready=look.ready,
        asked_tier=look.tier or (before.asked_tier if before else None),
        wished_tier=wish.tier if is_all_wished else earlier,
        raised_to=look.cut_at,
        rounds=(before.rounds if before else 1) + is_again,
        started_date=to_text(look.now) if before is None or is_again else before.started_date,
        readable_until=to_text(look.expires) if look.expires else None,
        pending=tuple(
            PendingRestores(
                storage_class=kind.storage_class,
                archive=kind.archive,
                objects=total.objects,
                bytes=total.bytes,
            )
            for kind, total in sorted(look.pending.items())
        ),
        **dates,
    )


def _began_anew(before: Warming, look: Look) -> bool:
    """Whether something went cold that could be read, or whose restore was asked for."""
    is_restored_elsewhere = before.asked == 0 and look.restoring > 0
    return before.is_asked and (look.cold > 0 or is_restored_elsewhere)


def _dates(before: Warming | None, look: Look, *, is_anew: bool) -> dict[str, str | None]:
    """When all may be and are done; what was known before counts, unless all was asked for."""
    given = {"ready_from_date": look.soonest, "ready_by_date": look.longest}
    dates: dict[str, str | None] = {}
    for name, takes in given.items():
        known = getattr(before, name) if before else None
        asked = to_text(look.now + takes) if takes else None
        dates[name] = asked if is_anew and asked else max(known or "", asked or "") or None
    return dates


def next_look(warming: Warming, look: Look, *, poll: timedelta) -> datetime | None:
    """When to look again: once all may be done, or before a copy expires. None: never."""
    first = look.now + poll
    dues = []
    if look.waiting:
        dues.append(max(first, _date(warming.ready_from_date) or first))
    if look.expires:
        dues.append(max(first, look.expires - KEEP_MARGIN))
    return min(dues, default=None)


def next_read(warming: Warming | None, now: datetime) -> datetime | None:
    """When what was found cold may be readable; None where that is not known."""
    due = _date(warming.ready_from_date) if warming and warming.asked else None
    return due if due and due > now else None


def said_of(warming: Warming, look: Look) -> str:
    """How far it is, in a sentence for people."""
    said = f"{look.ready} of {look.objects} cold object(s) can be read"
    if look.waiting and warming.ready_by_date:
        said += f", all by {warming.ready_by_date} at the latest"
    return said


def said_of_asking(look: Look) -> str:
    """What was asked for, in a sentence for people."""
    hours = look.longest / timedelta(hours=1)
    return (
        f"Asked for {look.asked} of {look.objects} cold object(s), {look.asked_size} bytes, with "
        f"tier {look.tier}: {round(hours, 2):g} hours at the most; {look.ready} can be read already"
    )


def _date(text: str | None) -> datetime | None:
    return from_text(text) if text else None
