"""What an ingest is for, and what it does in its present leg."""

from __future__ import annotations

from enum import StrEnum


class IngestType(StrEnum):
    """What a request is for."""

    BACKFILL = "backfill-course"
    AUDIT = "audit-course"
    WARM = "warm-course"


class Task(StrEnum):
    """What an ingest does in its present leg; of these each service has its own way."""

    FILL = "fill"
    """The primary, from the source."""
    BRING = "bring"
    """Versions from one location to others."""
    REPAIR = "repair"
    AUDIT = "audit"
    WARM = "warm"
