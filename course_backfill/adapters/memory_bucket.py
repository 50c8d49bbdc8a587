"""A bucket in memory that behaves as S3 does, and fails as S3 does when told to."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from course_backfill.errors import (
    ObjectExists,
    StorageRefused,
    StorageUnavailable,
    UploadLost,
)
from course_backfill.ports import Part

_LONGEST_KEY = 1024


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


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object, or a delete marker (`content` None)."""

    version_id: str
    content: bytes | None
    content_type: str = ""
    sha256: str | None = None
    etag: str = ""


@dataclass(slots=True)
class StoredUpload:
    """An open multipart upload and the parts it has."""

    key: str
    content_type: str
    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)


class MemoryBucket:
    """Shared by the memory reader, writer, eraser and work store of one bucket; thread-safe.

    `versions` has every version of each key, the latest last; `uploads` the open ones, the oldest
    first. Tests may look into both. While `is_unavailable`, every request fails.
    """

    def __init__(self, name: str = "memory", *, is_versioned: bool = False) -> None:
        self.name = name
        self.is_versioned = is_versioned
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
            if fault is StorageFault.LOST_ANSWER and operation in {"create", "complete_upload"}:
                raise self.exists(key)

    def latest(self, key: str) -> StoredObject | None:
        """The object at the key; None where there is none, or a delete marker is the latest."""
        versions = self.versions.get(key)
        return versions[-1] if versions and versions[-1].content is not None else None

    def store(
        self, key: str, content: bytes, *, content_type: str = "", sha256: str | None = None
    ) -> None:
        """Makes the object's latest version, whatever was there."""
        if len(key.encode()) > _LONGEST_KEY:
            raise StorageRefused(f"{key!r} is longer than the {_LONGEST_KEY} bytes of a key")
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        self._add(key, StoredObject(self._version_id(), content, content_type, sha256, f'"{etag}"'))

    def mark_deleted(self, key: str) -> None:
        """Deletes as S3 does without a version id: a bucket with versions gets a marker."""
        with self._lock:
            if self.is_versioned:
                self._add(key, StoredObject(self._version_id(), None))
            else:
                self.versions.pop(key, None)

    def new_upload(self, key: str, content_type: str) -> str:
        """Opens an upload and gives its id."""
        upload = f"upload-{next(self._numbers)}"
        self.uploads[upload] = StoredUpload(key, content_type)
        return upload

    def exists(self, key: str) -> ObjectExists:
        """The error of a create-only write that met an object."""
        return ObjectExists(f"there is an object {key!r} in bucket {self.name!r} already")

    def lost(self, key: str) -> UploadLost:
        """The error of an upload that is gone."""
        return UploadLost(f"the upload of {key!r} in bucket {self.name!r} is lost")

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
