"""Pairs of buckets to run the same cases of locations on: in memory, and on S3."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Protocol

from course_backfill.adapters.memory_locations import (
    MemoryObjectCopier,
    MemoryObjectRepairer,
    MemoryObjectRestorer,
)
from course_backfill.adapters.memory_objects import MemoryObjectWriter
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_copier import WHOLE, S3ObjectCopier
from course_backfill.adapters.s3_repairer import S3ObjectRepairer
from course_backfill.adapters.s3_restorer import S3ObjectRestorer
from course_backfill.adapters.s3_writer import S3ObjectWriter
from course_backfill.cold.storage import STANDARD, Tier
from course_backfill.copies.location_ports import ObjectCopier, ObjectRepairer, ObjectRestorer
from course_backfill.errors import ObjectCold
from course_backfill.ports import ObjectStat, ObjectWriter
from course_backfill.uploads import PART_BYTES
from tests.contracts.object_stores.buckets import (
    MIB,
    PREFIX,
    Bucket,
    MemoryBuckets,
    S3Buckets,
    content_of,
    crc,
    do_not_wait,
)

KEY = PREFIX + "assets/a.txt"
COPY = "copies/" + KEY

COLD = [
    ("GLACIER", "GLACIER", 3),
    ("DEEP_ARCHIVE", "DEEP_ARCHIVE", 3),
    ("ARCHIVE_ACCESS", "GLACIER", None),
    ("DEEP_ARCHIVE_ACCESS", "DEEP_ARCHIVE", None),
]
"""Where it lies, the class by which it restores, the days of its copy."""

TAKES = {Tier.EXPEDITED: 60, Tier.STANDARD: 3_600, Tier.BULK: 36_000}
"""Seconds that restores take while they are under way."""


class Locations(Protocol):
    """Two buckets, the ports between them, and what tests do behind their back."""

    @property
    def source(self) -> Bucket: ...

    @property
    def target(self) -> Bucket: ...

    @property
    def restorer(self) -> ObjectRestorer:
        """Of the source."""

    def writer(self, storage_class: str) -> ObjectWriter:
        """Writes the source in a storage class."""

    def copier(self, storage_class: str = STANDARD, *, whole: int = WHOLE) -> ObjectCopier:
        """Copies from the source to the target; larger objects than `whole` bytes in parts."""

    def repairer(self, storage_class: str = STANDARD, *, whole: int = PART_BYTES) -> ObjectRepairer:
        """Repairs the source."""

    def archive(self, key: str, kind: str) -> None:
        """Moves an object of the source to an archive class or tier."""

    def finish_restores(self, tier: Tier = Tier.BULK) -> None:
        """Lets the time pass that restores of this tier take."""

    def expire(self) -> None:
        """Lets the days pass that restored copies last."""

    def heal(self) -> None:
        """Ends all faults, and sets the pace of restores back."""


class MemoryLocations:
    """Two fresh buckets in memory, with one clock."""

    def __init__(self, *, is_versioned: bool) -> None:
        self.source = MemoryBuckets(is_versioned=is_versioned)
        self.target = MemoryBuckets(is_versioned=is_versioned)
        self.restorer = MemoryObjectRestorer(self.source.bucket, takes=_takes)

    def writer(self, storage_class: str) -> MemoryObjectWriter:
        return MemoryObjectWriter(self.source.bucket, storage_class=storage_class)

    def copier(self, storage_class: str = STANDARD, *, whole: int = WHOLE) -> MemoryObjectCopier:
        return MemoryObjectCopier(
            self.source.bucket, self.target.bucket, storage_class=storage_class, whole=whole
        )

    def repairer(
        self, storage_class: str = STANDARD, *, whole: int = PART_BYTES
    ) -> MemoryObjectRepairer:
        return MemoryObjectRepairer(self.source.bucket, storage_class=storage_class, whole=whole)

    def archive(self, key: str, kind: str) -> None:
        self.source.bucket.archive(key, kind)

    def finish_restores(self, tier: Tier = Tier.BULK) -> None:
        self.source.clock.now += timedelta(seconds=TAKES[tier])

    def expire(self) -> None:
        self.source.clock.now += timedelta(days=60)

    def heal(self) -> None:
        """Nothing here is shared with other tests."""


class S3Locations:
    """Two fresh buckets on an S3 server."""

    def __init__(self, clients: S3Clients, *, is_versioned: bool) -> None:
        self._clients = clients
        self.source = S3Buckets(clients, clients.boto, is_versioned=is_versioned)
        self.target = S3Buckets(clients, clients.boto, is_versioned=is_versioned)
        self.restorer = S3ObjectRestorer(clients, self.source.name)
        self._pace()

    def writer(self, storage_class: str) -> S3ObjectWriter:
        return S3ObjectWriter(
            self._clients, self.source.name, storage_class=storage_class, sleep=do_not_wait
        )

    def copier(self, storage_class: str = STANDARD, *, whole: int = WHOLE) -> S3ObjectCopier:
        return S3ObjectCopier(
            self._clients,
            self.source.name,
            self.target.name,
            storage_class=storage_class,
            whole=whole,
            part_size=5 * 1024 * 1024,
            sleep=do_not_wait,
        )

    def repairer(
        self, storage_class: str = STANDARD, *, whole: int = PART_BYTES
    ) -> S3ObjectRepairer:
        return S3ObjectRepairer(
            self._clients,
            self.source.name,
            storage_class=storage_class,
            whole=whole,
            sleep=do_not_wait,
        )

    def archive(self, key: str, kind: str) -> None:
        order = {"bucket": self.source.name, "prefix": key, "storageClass": kind}
        self.source.order("_archive", order)

    def finish_restores(self, tier: Tier = Tier.BULK) -> None:
        self._pace(done=tier)
        self._pace()

    def expire(self) -> None:
        self._pace(done=Tier.BULK, day_seconds=0)
        # Copies go with the second in which their days are over.
        time.sleep(1.0 - time.time() % 1.0)
        self._pace()

    def heal(self) -> None:
        self.source.heal()
        self.source.order("_restores", {})

    def _pace(self, *, done: Tier | None = None, **more: Any) -> None:
        """Ends the restores of a tier and of faster ones, if one is named."""
        pace = {
            _FIELDS[tier]: 0 if done is not None and tier.speed >= done.speed else seconds
            for tier, seconds in TAKES.items()
        }
        self.source.order("_restores", pace | more)


def copy(
    locations: Locations,
    *,
    etag: str | None = None,
    storage_class: str = "STANDARD",
    whole: int = 5 * MIB,
    content_type: str = "text/plain",
    source_key: str = KEY,
    key: str = COPY,
) -> None:
    """Copies the source's object as it is now, or as the ETag names it."""
    found = locations.source.reader.stat(source_key)
    locations.copier(storage_class, whole=whole).copy(
        source_key,
        etag=etag or (found.etag if found and found.etag else '"gone"'),
        key=key,
        size=found.size if found else 1,
        content_type=content_type,
    )


def store_cold(locations: Locations, kind: str = "GLACIER") -> None:
    """An object that was moved to an archive after it had been stored."""
    content_class = "INTELLIGENT_TIERING" if kind.endswith("_ACCESS") else "STANDARD"
    upload_small(locations, content_class)
    locations.archive(KEY, kind)


def upload_small(locations: Locations, storage_class: str) -> None:
    writer = locations.writer(storage_class)
    upload, _ = writer.open_upload(KEY, content_type="text/plain")
    part = writer.put_part(KEY, upload, 1, b"hello")
    writer.complete_upload(KEY, upload, [part], checksum=crc(b"hello"), size=5)


def is_readable(locations: Locations) -> bool:
    try:
        return content_of(locations.source, KEY) == b"hello"
    except ObjectCold:
        return False


def stat(bucket: Bucket, key: str) -> ObjectStat:
    """What is said of an object that is there."""
    found = bucket.reader.stat(key)
    assert found is not None
    return found


def listed(bucket: Bucket, key: str) -> ObjectStat:
    """What the listing says of an object that is there."""
    (found,) = bucket.reader.list(key)
    return found


_FIELDS = {
    Tier.EXPEDITED: "expedited_seconds",
    Tier.STANDARD: "seconds",
    Tier.BULK: "bulk_seconds",
}


def _takes(archive: str, tier: Tier) -> timedelta | None:
    if archive == "DEEP_ARCHIVE" and tier is Tier.EXPEDITED:
        return None
    return timedelta(seconds=TAKES[tier])
