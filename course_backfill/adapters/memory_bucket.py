"""A bucket in memory that behaves as S3 does, and fails as S3 does when told to."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from course_backfill.adapters.memory_restores import Restoring, is_archived
from course_backfill.clock import Clock, system_clock
from course_backfill.cold.storage import (
    ARCHIVE_TIERS,
    INTELLIGENT_TIERING,
    STANDARD,
    Warmth,
    warmth,
)
from course_backfill.errors import (
    ExpeditedUnavailable,
    NotFound,
    ObjectChanged,
    ObjectCold,
    ObjectExists,
    StorageRefused,
    StorageUnavailable,
    UploadLost,
)
from course_backfill.ports import ObjectStat, Part

_LONGEST_KEY = 1024
_CREATING = {"create", "complete_upload", "copy"}


class StorageFault(StrEnum):
    """What can go wrong with one request, retries of the client included."""

    THROTTLED = "throttled"
    """S3 answers 503 SlowDown to every try; nothing is applied."""
    UNAVAILABLE = "unavailable"
    """S3 does not answer, or with 500, whatever the number of tries; nothing is applied."""
    ERROR_BODY = "error-body"
    """S3 answers 200 with an error in the body to every try; nothing is applied."""
    REFUSED = "refused"
    """S3 answers 403; nothing is applied."""
    CONFLICT = "conflict"
    """S3 answers 409 to every try; nothing is applied, and an upload has no future."""
    UPLOAD_LOST = "upload-lost"
    """The upload is gone."""
    LOST_ANSWER = "lost-answer"
    """The request is applied, its answer lost; the client's next try meets what it did itself."""
    OUTAGE_AFTER = "outage-after"
    """The request is applied; that and every further answer is lost."""
    NO_CAPACITY = "no-capacity"
    """S3 answers 503 to an expedited restore: it has no capacity for one at the moment."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object, or a delete marker (`content` None)."""

    version_id: str
    content: bytes | None
    content_type: str = ""
    sha256: str | None = None
    etag: str = ""
    crc64: str | None = None
    storage_class: str = STANDARD
    archive_tier: str | None = None
    """The archive tier that Intelligent-Tiering has moved it to."""
    restoring: Restoring | None = None

    @property
    def archive(self) -> str | None:
        """See ObjectStat."""
        if self.archive_tier is not None:
            return ARCHIVE_TIERS[self.archive_tier]
        return self.storage_class if is_archived(self.storage_class) else None


@dataclass(slots=True)
class StoredUpload:
    """An open multipart upload and the parts it has."""

    key: str
    content_type: str
    storage_class: str = STANDARD
    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)


class MemoryBucket:
    """Shared by the memory reader, writer, eraser and work store of one bucket; thread-safe.

    `versions` has every version of each key, the latest last; `uploads` the open ones, the oldest
    first. Tests may look into both. While `is_unavailable`, every request fails. By the `clock`,
    restores are done and their copies expire.
    """

    def __init__(
        self, name: str = "memory", *, is_versioned: bool = False, clock: Clock = system_clock
    ) -> None:
        self.name = name
        self.is_versioned = is_versioned
        self.clock = clock
        self.is_unavailable = False
        self.versions: dict[str, list[StoredObject]] = {}
        self.uploads: dict[str, StoredUpload] = {}
        self._faults: dict[str, deque[StorageFault]] = {}
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)

    def fail(self, operation: str, fault: StorageFault, *, times: int = 1) -> None:
        """The next calls of this verb of a port (`create`, `put_part`, …) meet the fault."""
        with self._lock:
            self._faults.setdefault(operation, deque()).extend([fault] * times)

    @contextmanager
    def request(self, operation: str, key: str) -> Iterator[None]:
        """One request, alone with the bucket; raises what the fault that is due leads to."""
        with self._lock:
            due = self._faults.get(operation)
            fault = due.popleft() if due else None
            if self.is_unavailable:
                raise self._unavailable(key, StorageFault.UNAVAILABLE)
            if fault is not None:
                self._fail_before(fault, operation, key)
            yield
            if fault is StorageFault.OUTAGE_AFTER:
                raise self._unavailable(key, fault)
            if fault is StorageFault.LOST_ANSWER and operation in _CREATING:
                raise self.exists(key)

    def latest(self, key: str) -> StoredObject | None:
        """The object at the key; None where there is none, or a delete marker is the latest.

        What Intelligent-Tiering has restored is warm for good.
        """
        versions = self.versions.get(key)
        if not versions or versions[-1].content is None:
            return None
        found = versions[-1]
        is_back = found.archive_tier and found.restoring and self.clock() >= found.restoring.ready
        return replace(found, archive_tier=None, restoring=None) if is_back else found

    def stat(self, key: str) -> ObjectStat | None:
        """What S3 says of the object."""
        with self._lock:
            found = self.latest(key)
            if found is None or found.content is None:
                return None
            return ObjectStat(
                key=key,
                size=len(found.content),
                sha256=found.sha256,
                etag=found.etag,
                version_id=found.version_id if self.is_versioned else None,
                crc64=found.crc64,
                storage_class=found.storage_class,
                archive=found.archive,
                restore=found.restoring.state(self.clock()) if found.restoring else None,
            )

    def store(
        self,
        key: str,
        content: bytes,
        *,
        content_type: str = "",
        sha256: str | None = None,
        crc64: str | None = None,
        storage_class: str = STANDARD,
        part_sizes: Sequence[int] = (),
    ) -> None:
        """Makes the object's latest version, whatever was there; of parts, if it was sent so."""
        if len(key.encode()) > _LONGEST_KEY:
            raise StorageRefused(f"{key!r} is longer than the {_LONGEST_KEY} bytes of a key")
        etag = _parted_etag(content, part_sizes) if part_sizes else _md5(content).hex()
        version = StoredObject(
            self._version_id(),
            content,
            content_type,
            sha256,
            f'"{etag}"',
            crc64=crc64,
            storage_class=storage_class,
        )
        self._add(key, version)

    def archive(self, key: str, kind: str) -> None:
        """Moves the object to an archive class, as a lifecycle rule does, or to an archive tier
        of Intelligent-Tiering."""
        is_tier = kind in ARCHIVE_TIERS
        self.change(
            key,
            storage_class=INTELLIGENT_TIERING if is_tier else kind,
            archive_tier=kind if is_tier else None,
            restoring=None,
        )

    def change(self, key: str, **fields: Any) -> None:
        """Changes what is said of the latest version; its bytes stay."""
        with self._lock:
            self.versions[key][-1] = replace(self.versions[key][-1], **fields)

    def mark_deleted(self, key: str) -> None:
        """Deletes as S3 does without a version id: a bucket with versions gets a marker."""
        with self._lock:
            if self.is_versioned:
                self._add(key, StoredObject(self._version_id(), None))
            else:
                self.versions.pop(key, None)

    def new_upload(self, key: str, content_type: str, storage_class: str = STANDARD) -> str:
        """Opens an upload and gives its id."""
        upload = f"upload-{next(self._numbers)}"
        self.uploads[upload] = StoredUpload(key, content_type, storage_class)
        return upload

    def exists(self, key: str) -> ObjectExists:
        """The error of a create-only write that met an object."""
        return ObjectExists(f"there is an object {key!r} in bucket {self.name!r} already")

    def lost(self, key: str) -> UploadLost:
        """The error of an upload that is gone."""
        return UploadLost(f"the upload of {key!r} in bucket {self.name!r} is lost")

    def changed(self, key: str) -> ObjectChanged:
        """The error of what was pinned to another state of the object."""
        return ObjectChanged(f"the object {key!r} in bucket {self.name!r} is another one by now")

    def missing(self, key: str) -> NotFound:
        """The error of an object that is not there."""
        return NotFound(f"there is no object {key!r} in bucket {self.name!r}")

    def is_cold(self, key: str) -> bool:
        """Whether the object that is there must be restored before it is read."""
        found = self.stat(key)
        state = warmth(found.archive, found.restore, self.clock()) if found else Warmth.READABLE
        return state is not Warmth.READABLE

    def cold(self, key: str) -> ObjectCold:
        """The error of reading what is archived."""
        return ObjectCold(f"the object {key!r} in bucket {self.name!r} must be restored first")

    def _fail_before(self, fault: StorageFault, operation: str, key: str) -> None:
        match fault:
            case StorageFault.THROTTLED | StorageFault.UNAVAILABLE | StorageFault.ERROR_BODY:
                raise self._unavailable(key, fault)
            case StorageFault.REFUSED:
                raise StorageRefused(f"S3 refused {operation} of {key!r} in {self.name!r}")
            case StorageFault.CONFLICT | StorageFault.UPLOAD_LOST:
                is_of_upload = operation in {"put_part", "complete_upload"}
                if not is_of_upload:
                    raise self._unavailable(key, fault)
                self.drop_uploads(key)
                raise self.lost(key)
            case StorageFault.NO_CAPACITY:
                raise ExpeditedUnavailable(f"S3 has no capacity to restore {key!r} expedited")
            case StorageFault.LOST_ANSWER | StorageFault.OUTAGE_AFTER:
                return

    def drop_uploads(self, key: str) -> None:
        """Aborts every upload of the key."""
        with self._lock:
            gone = [upload for upload, stored in self.uploads.items() if stored.key == key]
            for upload in gone:
                del self.uploads[upload]

    def _add(self, key: str, version: StoredObject) -> None:
        kept = self.versions.get(key, []) if self.is_versioned else []
        self.versions[key] = [*kept, version]

    def _version_id(self) -> str:
        return f"version-{next(self._numbers)}" if self.is_versioned else "null"

    def _unavailable(self, key: str, fault: StorageFault) -> StorageUnavailable:
        return StorageUnavailable(f"S3 did not serve {key!r} in bucket {self.name!r} ({fault})")


def _md5(content: bytes | memoryview) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def _parted_etag(content: bytes, sizes: Sequence[int]) -> str:
    ends = itertools.accumulate(sizes)
    parts = [memoryview(content)[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    return f"{_md5(b''.join(map(_md5, parts))).hex()}-{len(parts)}"
