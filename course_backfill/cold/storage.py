"""Cold storage: archive classes, restored copies, retrieval tiers, and how long each one takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

STANDARD: Final = "STANDARD"
INTELLIGENT_TIERING: Final = "INTELLIGENT_TIERING"

ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Classes whose objects must be restored before they can be read."""

ARCHIVE_TIERS = {"ARCHIVE_ACCESS": "GLACIER", "DEEP_ARCHIVE_ACCESS": "DEEP_ARCHIVE"}
"""Intelligent-Tiering's archive tiers → the class that restores as slowly."""


class Tier(StrEnum):
    """How fast a restore is asked for, slowest first; S3's own words."""

    BULK = "Bulk"
    STANDARD = "Standard"
    EXPEDITED = "Expedited"

    @property
    def speed(self) -> int:
        """Larger is faster."""
        return list(Tier).index(self)


@dataclass(frozen=True, slots=True)
class Restore:
    """The restored copy of an object: under way while `expires` is absent, readable until then.

    What Intelligent-Tiering restores becomes warm again for good and has no Restore.
    """

    expires: datetime | None = None


class Warmth(StrEnum):
    """Whether an object can be read now, soonest first."""

    READABLE = "readable"
    RESTORING = "restoring"
    COLD = "cold"


def warmth(archive: str | None, restore: Restore | None, now: datetime) -> Warmth:
    """`archive` is the class by which the object restores; None for what needs no restoring."""
    if archive is None:
        return Warmth.READABLE
    if restore is None:
        return Warmth.COLD
    if restore.expires is None:
        return Warmth.RESTORING
    return Warmth.READABLE if restore.expires > now else Warmth.COLD


_HOURS = {
    ("GLACIER", Tier.EXPEDITED): timedelta(minutes=5),
    ("GLACIER", Tier.STANDARD): timedelta(hours=5),
    ("GLACIER", Tier.BULK): timedelta(hours=12),
    ("DEEP_ARCHIVE", Tier.STANDARD): timedelta(hours=12),
    ("DEEP_ARCHIVE", Tier.BULK): timedelta(hours=48),
}


def restore_time(archive: str, tier: Tier) -> timedelta | None:
    """The longest that S3 says it takes; None where the class does not offer the tier."""
    return _HOURS.get((archive, tier))


_SOONEST_HOURS = {
    ("GLACIER", Tier.EXPEDITED): timedelta(minutes=1),
    ("GLACIER", Tier.STANDARD): timedelta(hours=3),
    ("GLACIER", Tier.BULK): timedelta(hours=5),
}


def soonest_restore(archive: str, tier: Tier) -> timedelta | None:
    """The shortest that S3 says it takes; the longest where it names one time alone."""
    return _SOONEST_HOURS.get((archive, tier), restore_time(archive, tier))


def offered_tier(archive: str, tier: Tier) -> Tier:
    """The tier, or the fastest below it that the class offers: Deep Archive has no Expedited."""
    return tier if (archive, tier) in _HOURS else Tier.STANDARD
