"""Cold objects in memory: how long a restore takes, what it gives, and when that expires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from course_backfill.cold.storage import ARCHIVE_CLASSES, Restore, Tier


@dataclass(frozen=True, slots=True)
class Restoring:
    """A restore that was asked for; `days` None for what becomes warm for good."""

    tier: Tier
    ready: datetime
    days: int | None

    def state(self, now: datetime) -> Restore | None:
        """What S3 says of it; None once the copy has expired."""
        if now < self.ready:
            return Restore()
        expires = self.expires
        return Restore(expires) if expires is not None and expires > now else None

    @property
    def expires(self) -> datetime | None:
        """The midnight after the copy's last whole day, as S3 counts."""
        if self.days is None:
            return None
        last = self.ready + timedelta(days=self.days)
        return datetime.combine(last.date() + timedelta(days=1), time(), last.tzinfo)


def is_archived(storage_class: str) -> bool:
    """Whether objects of the class must be restored before they are read."""
    return storage_class in ARCHIVE_CLASSES
