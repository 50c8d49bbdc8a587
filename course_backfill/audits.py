"""Audits: what one is asked to look at, and what becomes of what it found."""

from __future__ import annotations

from typing import Literal

from course_backfill.records import Record


class AuditWish(Record):
    """How an audit is to look at copies."""

    method: Literal["bytes", "checksums"] = "bytes"
    warm: bool = False
    """Whether cold copies are restored to be read; otherwise the audit says what it left unread."""
