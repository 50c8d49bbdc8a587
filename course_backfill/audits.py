"""Audits: what one is asked to look at, and what its findings come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from course_backfill.failures import Failure
from course_backfill.records import Record

SURPLUS, UNREAD, NO_GOOD_REPLICA = "surplus-object", "unread-object", "no-good-replica"


class AuditWish(Record):
    """How an audit is to look at copies."""

    method: Literal["bytes", "checksums"] = "bytes"
    warm: bool = False
    """Whether cold copies are restored to be read; otherwise the audit says what it left unread."""


@dataclass(slots=True)
class FindingsTally:
    """Counts the findings about one replica while they pass."""

    damaged: int = 0
    """Objects that are missing or altered."""
    beyond_repair: int = 0
    """Of these, those that a repair found no good copy of."""
    surplus: int = 0
    unread: int = 0

    def counting(self, findings: Iterable[Failure]) -> Iterator[Failure]:
        """Passes the findings on."""
        for one in findings:
            self.surplus += one.code == SURPLUS
            self.unread += one.code == UNREAD
            self.damaged += one.severity == "failure"
            self.beyond_repair += one.code == NO_GOOD_REPLICA
            yield one

    def __str__(self) -> str:
        return f"{self.damaged} damaged, {self.surplus} surplus, {self.unread} unread"


def is_surplus(
    key: str, *, audited: Iterable[str], registered: Iterable[str], kept: str | None
) -> bool:
    """Whether an object that no manifest of the audited versions names is one too many.

    `audited` are the versions that are registered where the object is and whose entries are known.
    What a failed backfill of another registered version left is correct, and is used by the next
    attempt; a kept failure's version waits for its retry.
    """
    version = key.split("/", 3)[2]
    return version in audited or (version not in registered and version != kept)
