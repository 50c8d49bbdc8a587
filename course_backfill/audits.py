"""Audits: what one is asked to look at, and what its findings come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from course_backfill.copies.object_keys import version_of
from course_backfill.failures import ADVICE, Failure
from course_backfill.inventory import Fault
from course_backfill.records import Record

SURPLUS, UNREAD = "surplus-object", "unread-object"
NO_GOOD_REPLICA, REPAIR_REFUSED = "no-good-replica", "repair-refused"

BEYOND_REPAIR = frozenset(
    {NO_GOOD_REPLICA, REPAIR_REFUSED, "changed-since-audit", "source-copy-damaged"}
)
"""What a repair tells of damage that no other repair mends until it is audited again."""

REFUSED = "storage-refused"
"""Told of a location that could not be read: nothing is known of what is there."""

AUDIT_ADVICE: dict[str, str] = {
    "object-missing": "Start the course again: the object is made anew from a good copy; if the "
    "audit looked at some locations only, audit all of them first. Find out what may delete in the "
    "bucket.",
    "fixity-mismatch": "Start the course again: the object is replaced by a good copy; if the "
    "audit looked at some locations only, audit all of them first. If it is damaged again, find "
    "out what may write to the bucket, or open a case with its provider.",
    SURPLUS: "Nothing has to be done: no version has it, and neither audits nor repairs delete "
    "anything. Find out what wrote it, and delete it by hand.",
    REFUSED: "Check the credentials and the bucket policy: course-backfill check. Then audit the "
    "course again.",
}
"""What to do about a finding, where the same code means something else in other ingests."""


def finding_of(
    key: str | None,
    fault: Fault,
    location: str,
    *,
    etag: str | None = None,
    sha256: str | None = None,
) -> Failure:
    """What an audit tells of one copy, or of a location: a warning, unless a copy is damaged.

    `etag` and `sha256` are of what is there.
    """
    return Failure(
        severity="warning" if fault.code in {SURPLUS, UNREAD, REFUSED} else "failure",
        stage="verifying",
        code=fault.code,
        detail=fault.detail,
        action=AUDIT_ADVICE.get(fault.code) or ADVICE[fault.code],
        path=key,
        replica=location,
        etag=etag,
        sha256=sha256,
    )


Method = Literal["bytes", "checksums"]
"""How copies are compared: by all their bytes, or by what S3 stored of them, where it did."""


class AuditWish(Record):
    """How an audit is to look at copies."""

    method: Method = "bytes"
    warm: bool = False
    """Whether cold copies are restored to be read; otherwise the audit says what it left unread."""


@dataclass(slots=True)
class FindingsTally:
    """Counts the findings about one replica while they pass."""

    damaged: int = 0
    """Objects that are missing or altered."""
    beyond_repair: int = 0
    """Of these, those that a repair cannot mend before another audit."""
    surplus: int = 0
    unread: int = 0
    refusal: str | None = None
    """Why the location could not be read."""

    def counting(self, findings: Iterable[Failure]) -> Iterator[Failure]:
        """Passes the findings on."""
        for one in findings:
            if one.code == REFUSED:
                self.refusal = one.detail
            self.surplus += one.code == SURPLUS
            self.unread += one.code == UNREAD
            self.damaged += one.severity == "failure"
            self.beyond_repair += one.code in BEYOND_REPAIR
            yield one

    def __str__(self) -> str:
        if self.refusal:
            return self.refusal
        return f"{self.damaged} damaged, {self.surplus} surplus, {self.unread} unread"


def is_surplus(
    key: str, *, audited: Iterable[str], registered: Iterable[str], kept: str | None
) -> bool:
    """Whether an object that no manifest of the audited versions names is one too many.

    `audited` are the versions that are registered where the object is and whose entries are known.
    What a failed backfill of another registered version left is correct, and is used by the next
    attempt; a kept failure's version waits for its retry.
    """
    version = version_of(key)
    return version in audited or (version not in registered and version != kept)
