"""Time as stored: UTC, ISO 8601 with milliseconds, so that text order is time order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present moment, aware and in UTC; an argument wherever time matters."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """`2026-01-31T08:15:00.123Z`; naive moments are taken as UTC, as BSON dates are."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The inverse of `to_text`."""
    return datetime.fromisoformat(text)
