"""Between locations in memory: the twins of S3's copier, restorer and repairer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from awscrt.checksums import crc64nvme

from course_backfill.adapters.http_headers import sendable_content_type
from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.adapters.memory_restores import Restoring
from course_backfill.cold.storage import STANDARD, Tier, Warmth, restore_time, warmth
from course_backfill.crc import crc_text
from course_backfill.errors import StorageRefused
from course_backfill.uploads import PART_BYTES

_WHOLE = 64 * 1024 * 1024
"""Up to this size S3's copier copies an object whole."""

RestoreTime = Callable[[str, Tier], timedelta | None]
"""(archive class, tier) → how long a restore takes; None where the tier is not offered."""


class MemoryObjectCopier:
    """The ObjectCopier between two buckets in memory, which may be the same."""

    def __init__(
        self,
        source: MemoryBucket,
        target: MemoryBucket,
        *,
        storage_class: str = STANDARD,
        whole: int = _WHOLE,
    ) -> None:
        """Of larger objects than `whole` bytes, as in S3, only a CRC64NVME is stored."""
        self._source = source
        self._target = target
        self._storage_class = storage_class
        self._whole = whole

    def copy(self, source_key: str, *, etag: str, key: str, size: int, content_type: str) -> None:
        """See ObjectCopier."""
        with self._source.request("copy from", source_key):
            found, is_cold = self._source.latest(source_key), self._source.is_cold(source_key)
        with self._target.request("copy", key):
            if self._target.latest(key) is not None:
                raise self._target.exists(key)
            if found is None or found.content is None or found.etag != etag:
                raise self._source.changed(source_key)
            if is_cold:
                raise self._source.cold(source_key)
            is_large = size > self._whole
            has_no_checksum = found.sha256 is None and found.crc64 is None
            self._target.store(
                key,
                found.content,
                content_type=sendable_content_type(content_type),
                sha256=None if is_large else found.sha256,
                crc64=_crc64(found.content) if is_large or has_no_checksum else found.crc64,
                storage_class=self._storage_class,
                part_sizes=_parts_of(size, self._whole) if is_large else (),
            )


class MemoryObjectRestorer:
    """The ObjectRestorer of a bucket in memory; `takes` says how long it is under way."""

    def __init__(self, bucket: MemoryBucket, *, takes: RestoreTime = restore_time) -> None:
        self._bucket = bucket
        self._takes = takes

    def restore(self, key: str, *, days: int | None, tier: Tier) -> None:
        """See ObjectRestorer."""
        with self._bucket.request("restore", key):
            found, stat = self._bucket.latest(key), self._bucket.stat(key)
            if found is None or stat is None:
                raise self._bucket.missing(key)
            if stat.archive is None:
                return
            if (days is None) != (found.archive_tier is not None):
                raise StorageRefused(f"a restore of {key!r} needs days by its class, or none")
            now = self._bucket.clock()
            match warmth(stat.archive, stat.restore, now):
                case Warmth.COLD:
                    restoring = Restoring(tier, self._ready(now, stat.archive, tier), days)
                case Warmth.RESTORING if (
                    found.restoring and tier.speed > found.restoring.tier.speed
                ):
                    sooner = min(found.restoring.ready, self._ready(now, stat.archive, tier))
                    restoring = replace(found.restoring, tier=tier, ready=sooner)
                case Warmth.READABLE if found.restoring:
                    restoring = replace(found.restoring, ready=now, days=days)
                case _:
                    return
            self._bucket.change(key, restoring=restoring)

    def _ready(self, now: datetime, archive: str, tier: Tier) -> datetime:
        takes = self._takes(archive, tier)
        if takes is None:
            raise StorageRefused(f"{archive} does not offer {tier} restores")
        return now + takes


class MemoryObjectRepairer:
    """The ObjectRepairer of a bucket in memory."""

    def __init__(
        self, bucket: MemoryBucket, *, storage_class: str = STANDARD, whole: int = PART_BYTES
    ) -> None:
        """Of larger objects than `whole` bytes, as in S3, only a CRC64NVME is stored."""
        self._bucket = bucket
        self._storage_class = storage_class
        self._whole = whole

    def replace(
        self, key: str, content: Iterable[bytes], *, etag: str, size: int, content_type: str
    ) -> None:
        """See ObjectRepairer."""
        whole = b"".join(content)
        if len(whole) != size:
            raise ValueError(f"{len(whole)} bytes came for {key!r}, and not {size}")
        with self._bucket.request("replace", key):
            there = self._bucket.latest(key)
            if there is not None and there.content == whole and there.etag != etag:
                return
            if there is None or there.etag != etag:
                raise self._bucket.changed(key)
            self._bucket.store(
                key,
                whole,
                content_type=sendable_content_type(content_type),
                sha256=hashlib.sha256(whole).hexdigest() if size <= self._whole else None,
                crc64=_crc64(whole) if size > self._whole else None,
                storage_class=self._storage_class,
                part_sizes=_parts_of(size, self._whole) if size > self._whole else (),
            )


def _crc64(content: bytes) -> str:
    return crc_text(crc64nvme(content, 0))


def _parts_of(size: int, whole: int) -> list[int]:
    most = max(whole, 1)
    return [min(most, size - start) for start in range(0, size, most)]
