"""Resources: the one definition of the tables, indexes, queues and buckets of an installation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from course_backfill.locations import Location
from course_backfill.messages import SERVICES
from course_backfill.settings import Settings

MAX_RECEIVES = 3
"""Receives after which a message becomes a dead letter."""

RETENTION_SECONDS = 14 * 86_400
"""SQS's longest: a dead letter must outlive a weekend."""

EXPIRING_PREFIX = "ingests/"
EXPIRY_DAYS = 30
"""What an ingest worked with outlives the longest kept failure (28 days)."""

ABORT_UPLOADS_DAYS = 7
"""Backs the janitor up: what is left of an upload nobody will continue."""

OUR_RULES = "course-backfill-"
"""What the names of our lifecycle rules begin with; a bucket may have others."""

_DEAD_LETTERS = "-dead-letters"


@dataclass(frozen=True, slots=True)
class Index:
    """A sparse index: only items that have both attributes, texts, are in it, whole."""

    name: str
    partition: str
    sort: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the text keys `pk` and `sk`; `id` is what the ports call it."""

    id: str
    name: str
    indexes: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """A service's queue, and the queue of its dead letters."""

    service: str
    name: str
    dead_letters: str
    visibility_seconds: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket; `expiring` are the prefixes whose objects expire after EXPIRY_DAYS.

    It is reached as `location` says, the work bucket (None) as the installation is.
    """

    name: str
    versioned: bool
    expiring: tuple[str, ...] = ()
    location: Location | None = None

    @property
    def owner(self) -> str:
        """Whose it is, as a sentence names it."""
        return f"location {self.location.id!r}" if self.location else "the work"


INDEXES: dict[str, tuple[Index, ...]] = {
    "ingests": (
        Index("by-course", "courseKey", "createdKey"),
        Index("by-status", "statusKey", "createdKey"),
        Index("due", "dueShard", "dueDate"),
    ),
    "courses": (
        Index("courses-by-status", "statusKey", "pk"),
        Index("courses-by-audit", "statusKey", "unauditedSince"),
    ),
}
"""The indexes of each table; an index's name is its own among all tables."""


def find_index(name: str) -> tuple[str, Index]:
    """The table an index is of, and the index; raises KeyError."""
    for table, indexes in INDEXES.items():
        for index in indexes:
            if index.name == name:
                return table, index
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything an installation needs to exist before it can run."""

    tables: tuple[Table, ...]
    queues: tuple[Queue, ...]
    buckets: tuple[Bucket, ...]

    @classmethod
    def of(cls, settings: Settings) -> Resources:
        """The resources that these settings name."""
        namespace = settings.namespace
        return cls(
            tables=tuple(
                Table(table, table_name(namespace, table), indexes)
                for table, indexes in INDEXES.items()
            ),
            queues=tuple(
                Queue(
                    service,
                    queue_name(namespace, service),
                    dead_letters_name(namespace, service),
                    settings.visibility_seconds,
                )
                for service in SERVICES
            ),
            buckets=(
                Bucket(settings.work_bucket, versioned=False, expiring=(EXPIRING_PREFIX,)),
                *_location_buckets(settings.locations),
            ),
        )


def _location_buckets(locations: Sequence[Location]) -> Iterator[Bucket]:
    """Each bucket once, but for those that are reached in several ways: each has to do."""
    seen = set()
    for one in locations:
        reached = (one.bucket, one.region, one.endpoint_url, one.role_arn)
        if reached not in seen:
            seen.add(reached)
            yield Bucket(one.bucket, versioned=True, location=one)


def table_name(namespace: str, table: str) -> str:
    """The full name of the table that the ports call `ingests` or `courses`."""
    return f"{namespace}-{table}"


def queue_name(namespace: str, service: str) -> str:
    """The full name of a service's queue."""
    return f"{namespace}-{service}"


def dead_letters_name(namespace: str, service: str) -> str:
    """The full name of the queue of a service's dead letters."""
    return queue_name(namespace, service) + _DEAD_LETTERS


def service_of_queue(namespace: str, name: str) -> tuple[str, bool]:
    """The service of a queue, and whether the queue is of dead letters; raises KeyError."""
    for service in SERVICES:
        if name == queue_name(namespace, service):
            return service, False
        if name == dead_letters_name(namespace, service):
            return service, True
    raise KeyError(name)
