"""Ingests: the record of one request to backfill a course, its replicas, packets and events."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from course_backfill.failures import Failure
from course_backfill.messages import StepMessage
from course_backfill.records import Record

PRIMARY = "primary"
"""The location every ingest fills first and readers are served from."""


class IngestStatus(StrEnum):
    """accepted → processing → succeeded | failed | cancelled; see `ingest_states`."""

    ACCEPTED = "accepted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing follows (but a retry, where the failure was kept)."""
        return self in ENDED


ENDED = frozenset({IngestStatus.SUCCEEDED, IngestStatus.FAILED, IngestStatus.CANCELLED})


class Stage(StrEnum):
    """What is being done to an ingest that is processing, in pipeline order."""

    PLANNING = "planning"
    WARMING = "warming"
    REPLICATING = "replicating"
    VERIFYING = "verifying"
    AGGREGATING = "aggregating"
    REGISTERING = "registering"
    ROLLING_BACK = "rolling-back"


class CallbackStatus(StrEnum):
    """pending → succeeded | failed; never changes the ingest's own status."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Callback(Record):
    """Whom to tell when the ingest has ended."""

    url: str
    status: CallbackStatus = CallbackStatus.PENDING
    attempts: int = 0
    """Deliveries that were begun."""
    next_attempt_date: str | None = None
    """Not before then is another delivery begun, whoever asks for it."""


class InventorySummary(Record):
    """The inventory that an ingest is planned from."""

    key: str
    """Its file in the work bucket."""
    database: str
    """Of the source, as it was called then."""
    taken_date: str
    """When reading the source for it began."""
    objects: int
    bytes: int
    fingerprints: dict[str, str]


class SourceCheck(Record):
    """How the source compared with what was copied, when it was last looked at."""

    checked_date: str
    stale: bool
    added: int = 0
    changed: int = 0
    removed: int = 0
    examples: tuple[str, ...] = ()
    """At most ten of the paths that differ."""


class LargestObject(Record):
    """One of the largest objects of a course."""

    path: str
    size: int


class PlanReport(Record):
    """What a dry run found; problems are listed one by one under the ingest's failures."""

    objects: int
    bytes: int
    by_kind: dict[str, dict[str, int]]
    largest: tuple[LargestObject, ...]
    shared_with: tuple[str, ...]
    problems: dict[str, int]
    """Code → how many objects, failures and warnings alike."""
    bytes_were_read: bool
    would_fail: bool
    unchanged: bool
    """Whether the latest version equals the source, so that an ingest would have nothing to do."""


class AggregatedVersion(Record):
    """What the aggregator wrote, for the version's record."""

    manifest_key: str
    manifest_sha256: str
    entries_sha256: str
    objects: int
    bytes: int
    exceptions: int
    fingerprints: dict[str, str]


class Ingest(Record):
    """One request and how it stands. `revision` guards every change against a lost update."""

    id: str
    course: str
    ingest_type: Literal["backfill-course"] = "backfill-course"
    provider: Literal["mongodb"] = "mongodb"
    locations: tuple[str, ...]
    content: tuple[str, ...]
    dry_run: bool = False
    read_source: bool = False
    on_failure: Literal["rollback", "keep"] = "rollback"
    corrupt_objects: Literal["fail", "record"] = "fail"
    callback: Callback | None = None
    requested_by: str
    request_sha256: str | None = None

    status: IngestStatus = IngestStatus.ACCEPTED
    stage: Stage | None = None
    epoch: int = 1
    """Raised by rollback and retry: messages and workers of an earlier epoch no longer count."""
    revision: int = 1
    version: str | None = None
    previous_version: str | None = None
    inventories: int = 0
    """How many were begun; each has a file of its own."""
    inventory: InventorySummary | None = None
    """The first that was finished: of several planners at once, all cut the same."""
    source_check: SourceCheck | None = None
    report: PlanReport | None = None
    aggregated: AggregatedVersion | None = None
    failure: Failure | None = None
    """Why the ingest as a whole failed."""
    failure_count: int = 0
    """How many objects are listed under its failures."""
    intended_end: IngestStatus | None = None
    """The status that the rollback under way ends in."""
    kept: bool = False
    """Failed, but its copies wait for a retry until `kept_until`."""
    kept_until: str | None = None
    created_date: str
    last_modified_date: str

    @property
    def created_key(self) -> str:
        """Sorts ingests by creation, each apart."""
        return f"{self.created_date}#{self.id}"


class ReplicaStatus(StrEnum):
    """How far one replica of the ingest's version is."""

    REPLICATING = "replicating"
    VERIFYING = "verifying"
    VERIFIED = "verified"


class Replica(Record):
    """One location of an ingest, with counters that its packets' ends add to."""

    location: str
    status: ReplicaStatus = ReplicaStatus.REPLICATING
    packets: int
    packets_copied: int = 0
    packets_verified: int = 0
    objects_done: int = 0
    bytes_done: int = 0
    objects_verified: int = 0
    bytes_verified: int = 0
    removed: int = 0
    bad: int = 0
    started_date: str
    progress_date: str | None = None
    """When a packet of it last ended."""


class Packet(Record):
    """One packet of a replica: its range of the inventory, its claim, and its results."""

    replica: str
    number: int
    offset: int
    length: int
    objects: int
    bytes: int
    attempts: int = 0
    claimant: str | None = None
    claimed_until: str | None = None
    copied: str | None = None
    """The work bucket's file with the result of the copying, once done."""
    bad: int = 0
    removed: int = 0
    verified: str | None = None
    """The work bucket's file with the result of the verification, once done."""
    mismatched: int = 0
    bytes_verified: int = 0

    def is_claimed(self, now: str) -> bool:
        """Whether a worker holds it at that moment."""
        return self.claimed_until is not None and self.claimed_until > now


class Event(Record):
    """A dated fact about an ingest; no code parses its description."""

    created_date: str
    step: str
    outcome: str
    replica: str | None = None
    description: str
    requested_by: str | None = None


class TimerKind(StrEnum):
    """What becomes due."""

    WATCH = "watch"
    """Nothing has happened for long: send the messages of the present stage again."""
    PARKED = "parked"
    CALLBACK = "callback"
    RESWEEP = "resweep"
    EXPIRY = "expiry"


class Timer(Record):
    """Something about an ingest that needs attention at a time; lives in the `due` index."""

    ingest: str
    name: str
    """Tells apart the timers of one ingest; begins with the kind."""
    kind: TimerKind
    due_date: str
    message: StepMessage | None = None
    attempts: int = 0
    since: str | None = None
    progress: int = 0
    """Packets done when a watch last fired: only a standstill has messages sent again."""


STAGE_OF_STEP = {
    "plan": Stage.PLANNING,
    "replicate": Stage.REPLICATING,
    "verify": Stage.VERIFYING,
    "aggregate": Stage.AGGREGATING,
    "register": Stage.REGISTERING,
    "roll-back": Stage.ROLLING_BACK,
}
