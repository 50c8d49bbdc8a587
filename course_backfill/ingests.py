"""Ingests: the record of one request about a course, its replicas, packets and events."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from course_backfill.addresses import Address
from course_backfill.audits import AuditWish
from course_backfill.clock import from_text
from course_backfill.cold.warming import RestoreWish, Warming
from course_backfill.failures import Failure
from course_backfill.inventory import InventorySummary
from course_backfill.manifests import AggregatedVersion
from course_backfill.notifications import Announcement, Callback
from course_backfill.plan_reports import PlanReport
from course_backfill.records import Record
from course_backfill.tasks import IngestType, Task

PRIMARY = "primary"
"""The location every ingest fills first and readers are served from."""
SCHEDULE = "schedule"
"""Who asks for what nobody asked for: no principal is called so."""


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


class Leg(StrEnum):
    """The two legs of an ingest's way; every stage of the second comes after all of the first."""

    SOURCE = "source"
    """From the source to the primary."""
    LOCATIONS = "locations"
    """From one verified location to others; audits and warming know this one only."""


class SourceCheck(Record):
    """How the source compared with what was copied, when it was last looked at."""

    checked_date: str
    stale: bool
    added: int = 0
    changed: int = 0
    removed: int = 0
    examples: tuple[str, ...] = ()
    """At most ten of the paths that differ."""


class Ingest(Record):
    """One request and how it stands. `revision` guards every change against a lost update."""

    id: str
    course: str
    ingest_type: IngestType = IngestType.BACKFILL
    provider: Literal["mongodb", "amazon-s3"] = "mongodb"
    source: str = PRIMARY
    """The location that registered versions are read from."""
    locations: tuple[str, ...]
    content: tuple[str, ...] = ()
    dry_run: bool = False
    read_source: bool = False
    on_failure: Literal["rollback", "keep"] = "rollback"
    corrupt_objects: Literal["fail", "record"] = "fail"
    wished_version: str | None = None
    """The registered version that is to be warmed; None: the latest."""
    restore: RestoreWish = RestoreWish()
    audit: AuditWish | None = None
    callback: Callback | None = None
    announcement: Announcement | None = None
    """None before the end, and where nothing is announced of it."""
    requested_by: str
    request_sha256: str | None = None

    status: IngestStatus = IngestStatus.ACCEPTED
    stage: Stage | None = None
    leg: Leg = Leg.SOURCE
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
    addresses: dict[str, Address] = Field(default_factory=dict)
    """Location → where it was when the ingest was started: it never works anywhere else."""
    lists: dict[str, str] = Field(default_factory=dict)
    """Location → the work bucket's file of what it is to hold; empty text: nothing is missing."""
    warming: Warming | None = None
    restores_micros: int = 0
    """What the restores asked for so far cost, in millionths of the price table's currency."""
    repairs: str | None = None
    """The audit whose findings this ingest mends."""
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
    def task(self) -> Task:
        """What it does now."""
        if self.repairs is not None:
            return Task.REPAIR
        if self.ingest_type is IngestType.BACKFILL:
            return Task.FILL if self.leg is Leg.SOURCE else Task.BRING
        return Task.AUDIT if self.ingest_type is IngestType.AUDIT else Task.WARM

    @property
    def ends_with_findings(self) -> bool:
        """Whether it looks at registered copies, and tells what it found: an audit, a repair."""
        return self.task in {Task.AUDIT, Task.REPAIR}

    @property
    def is_of_versions(self) -> bool:
        """Whether it is about registered versions alone, and never looks at the source."""
        return self.provider != "mongodb" or self.ingest_type is not IngestType.BACKFILL

    @property
    def standing(self) -> str:
        """Its stage, or its status where it has none."""
        return self.stage.value if self.stage else self.status.value

    @property
    def leg_replicas(self) -> tuple[str, ...]:
        """The replicas that are worked on in the present leg."""
        if self.ends_with_findings:
            return tuple(sorted(self.lists))
        if self.leg is Leg.SOURCE:
            return (PRIMARY,)
        # What came from the source is in the primary already.
        return tuple(one for one in self.locations if self.version is None or one != PRIMARY)

    @property
    def created_key(self) -> str:
        """Sorts ingests by creation, each apart."""
        return f"{self.created_date}#{self.id}"


class ReplicaStatus(StrEnum):
    """How far one replica of the ingest is; a warming has the last two alone."""

    REPLICATING = "replicating"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    WARMING = "warming"
    READABLE = "readable"


class Replica(Record):
    """One location of an ingest, with counters that its packets' ends add to."""

    location: str
    status: ReplicaStatus = ReplicaStatus.REPLICATING
    versions: tuple[str, ...] = ()
    """Registered versions that are brought, or audited."""
    source: str | None = None
    """The location that it is copied from; None where that is the source, where each object names
    its own, and where nothing is copied."""
    expected: str | None = None
    """The work bucket's file of what it must hold; None where that is the inventory."""
    packets: int
    objects: int = 0
    """In all its packets."""
    bytes: int = 0
    packets_copied: int = 0
    packets_verified: int = 0
    objects_done: int = 0
    bytes_done: int = 0
    objects_verified: int = 0
    """Read back, and right."""
    bytes_verified: int = 0
    objects_looked_at: int = 0
    """Read back, whatever was found."""
    bytes_looked_at: int = 0
    bytes_left_out: int = 0
    """By how much the copied packets hold less than was planned; below 0 if files have grown."""
    removed: int = 0
    bad: int = 0
    damaged: int = 0
    """Objects that an audit found missing or altered, or that a repair left so."""
    beyond_repair: int = 0
    """Of these, those that a repair cannot mend before another audit."""
    surplus: int = 0
    unread: int = 0
    """Objects that an audit could not compare, because they are cold."""
    refusal: str | None = None
    """Why an audit could not read the location; what else it found there is not all."""
    started_date: str
    progress_date: str | None = None
    """When a packet of it last ended."""

    @property
    def is_copied(self) -> bool:
        """Whether all its packets are."""
        return self.packets_copied >= self.packets

    @property
    def is_verified(self) -> bool:
        """Whether all its packets are."""
        return self.packets_verified >= self.packets


class Packet(Record):
    """One packet of a replica: its range of the inventory or list, its claim, and its results."""

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
    bytes_copied: int = 0
    bad: int = 0
    removed: int = 0
    verified: str | None = None
    """The work bucket's file with the result of the verification, once done."""
    mismatched: int = 0
    bytes_verified: int = 0

    def is_claimed(self, now: datetime, lease: timedelta) -> bool:
        """Whether a worker holds it at that moment.

        A claim further off than two leases is none: a clock that was ahead made it.
        """
        until = from_text(self.claimed_until) if self.claimed_until else now
        return now < until <= now + 2 * lease


class Event(Record):
    """A dated fact about an ingest; no code parses its description."""

    created_date: str
    step: str
    outcome: str
    replica: str | None = None
    object: str | None = None
    """The key, in the replica's location, of the one object that it is about."""
    description: str
    requested_by: str | None = None
