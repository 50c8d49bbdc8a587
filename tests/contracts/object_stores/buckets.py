"""Buckets to run the same cases on: in memory and on S3, with versions and without."""

from __future__ import annotations

import hashlib
import itertools
import json
import urllib.request
from datetime import UTC, datetime
from typing import Any, Protocol

from awscrt.checksums import crc64nvme
from mypy_boto3_s3 import S3Client

from course_backfill.adapters.memory_bucket import MemoryBucket, StorageFault
from course_backfill.adapters.memory_objects import (
    MemoryObjectEraser,
    MemoryObjectReader,
    MemoryObjectWriter,
    MemoryWorkStore,
)
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_eraser import S3ObjectEraser
from course_backfill.adapters.s3_reader import S3ObjectReader
from course_backfill.adapters.s3_work_store import S3WorkStore
from course_backfill.adapters.s3_writer import S3ObjectWriter
from course_backfill.copies.location_ports import ObjectEraser
from course_backfill.crc import crc_text
from course_backfill.ports import ObjectReader, ObjectWriter, Part, WorkStore

MIB = 1024 * 1024
PREFIX = "courses/course-v1:Org+Course+Run/v1/"

_numbers = itertools.count(1)


_OPERATIONS = {
    "stat": "HeadObject",
    "read": "GetObject",
    "list": "ListObjectsV2",
    "create": "PutObject",
    "open_upload": "ListMultipartUploads",
    "put_part": "UploadPart",
    "complete_upload": "CompleteMultipartUpload",
    "abort_upload": "AbortMultipartUpload",
    "erase": "ListObjectVersions",
    "put": "PutObject",
    "copy": "CopyObject",
    "restore": "RestoreObject",
    "replace": "PutObject",
}
"""Verb of a port → the request by which it stands and falls."""

_LOST_ONCE = {"times": 1, "after": True, "drop": True}

_ANSWERS: dict[StorageFault, list[dict[str, Any]]] = {
    StorageFault.THROTTLED: [{"status": 503, "code": "SlowDown"}],
    StorageFault.UNAVAILABLE: [{"status": 500, "code": "InternalError"}],
    StorageFault.ERROR_BODY: [{"status": 200, "code": "InternalError"}],
    StorageFault.REFUSED: [{"status": 403, "code": "AccessDenied"}],
    StorageFault.CONFLICT: [{"status": 409, "code": "ConditionalRequestConflict"}],
    StorageFault.UPLOAD_LOST: [{"status": 404, "code": "NoSuchUpload"}],
    StorageFault.NO_CAPACITY: [{"status": 503, "code": "GlacierExpeditedRetrievalNotAvailable"}],
    StorageFault.LOST_ANSWER: [_LOST_ONCE],
    StorageFault.OUTAGE_AFTER: [_LOST_ONCE, {"status": 500, "code": "InternalError"}],
}


class Bucket(Protocol):
    """One bucket: the four ports, and what tests do and see behind their back."""

    @property
    def reader(self) -> ObjectReader: ...

    @property
    def writer(self) -> ObjectWriter: ...

    @property
    def eraser(self) -> ObjectEraser: ...

    @property
    def work(self) -> WorkStore: ...

    def fail(self, verb: str, fault: StorageFault) -> None:
        """Lets the verb meet the fault until `heal`; a lost answer only once."""

    def heal(self) -> None:
        """Ends all faults."""

    def overwrite(self, key: str, content: bytes) -> None:
        """Stores an object, whatever is there."""

    def content_type(self, key: str) -> str:
        """The content type that readers of the object are told."""

    def mark_deleted(self, key: str) -> None:
        """Deletes without naming a version."""

    def open_another_upload(self, key: str) -> str:
        """Opens an upload beside those that are open."""

    def residue(self, prefix: str) -> list[str]:
        """Every version, delete marker and upload below the prefix."""


class _Clock:
    """A clock that stands still but for what a test pushes it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class MemoryBuckets:
    """A fresh bucket in memory."""

    def __init__(self, *, is_versioned: bool) -> None:
        self.clock = _Clock()
        self.bucket = MemoryBucket(is_versioned=is_versioned, clock=self.clock)
        self.reader = MemoryObjectReader(self.bucket)
        self.writer = MemoryObjectWriter(self.bucket)
        self.eraser = MemoryObjectEraser(self.bucket)
        self.work = MemoryWorkStore(self.bucket)

    def fail(self, verb: str, fault: StorageFault) -> None:
        self.bucket.fail(verb, fault)

    def heal(self) -> None:
        """A fault in memory is over once it has been met."""

    def overwrite(self, key: str, content: bytes) -> None:
        self.bucket.store(key, content)

    def content_type(self, key: str) -> str:
        return self.bucket.versions[key][-1].content_type

    def mark_deleted(self, key: str) -> None:
        self.bucket.mark_deleted(key)

    def open_another_upload(self, key: str) -> str:
        return self.bucket.new_upload(key, "video/mp4")

    def residue(self, prefix: str) -> list[str]:
        versions = [key for key, kept in self.bucket.versions.items() for _ in kept]
        uploads = [upload.key for upload in self.bucket.uploads.values()]
        return sorted(key for key in versions + uploads if key.startswith(prefix))


class S3Buckets:
    """A fresh bucket on an S3 server; `boto` goes around whatever stands before the clients."""

    def __init__(self, clients: S3Clients, boto: S3Client, *, is_versioned: bool) -> None:
        self.name = f"bucket-{next(_numbers)}"
        self.clients = clients
        self._boto = boto
        boto.create_bucket(Bucket=self.name)
        if is_versioned:
            boto.put_bucket_versioning(
                Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
            )
        self.reader = S3ObjectReader(clients, self.name, sleep=do_not_wait)
        self.writer = S3ObjectWriter(clients, self.name, sleep=do_not_wait)
        self.eraser = S3ObjectEraser(clients, self.name, sleep=do_not_wait)
        self.work = S3WorkStore(clients, self.name, sleep=do_not_wait)

    def fail(self, verb: str, fault: StorageFault) -> None:
        for answer in _ANSWERS[fault]:
            order = {"service": "s3", "operation": _OPERATIONS[verb], "times": 1000, **answer}
            self.order("_faults", order)

    def heal(self) -> None:
        self.order("_faults", None)

    def overwrite(self, key: str, content: bytes) -> None:
        self._boto.put_object(Bucket=self.name, Key=key, Body=content)

    def content_type(self, key: str) -> str:
        return self._boto.head_object(Bucket=self.name, Key=key)["ContentType"]

    def mark_deleted(self, key: str) -> None:
        self._boto.delete_object(Bucket=self.name, Key=key)

    def open_another_upload(self, key: str) -> str:
        created = self._boto.create_multipart_upload(
            Bucket=self.name,
            Key=key,
            ChecksumAlgorithm="CRC64NVME",
            ChecksumType="FULL_OBJECT",
        )
        return created["UploadId"]

    def residue(self, prefix: str) -> list[str]:
        versions = self._boto.get_paginator("list_object_versions")
        uploads = self._boto.get_paginator("list_multipart_uploads")
        found = [
            item["Key"]
            for page in versions.paginate(Bucket=self.name, Prefix=prefix)
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]
        return found + [
            upload["Key"]
            for page in uploads.paginate(Bucket=self.name, Prefix=prefix)
            for upload in page.get("Uploads", [])
        ]

    def order(self, path: str, order: dict[str, Any] | None) -> None:
        """Tells the server what to do; None to forget what it was told."""
        request = urllib.request.Request(  # noqa: S310 -- A server of these tests.
            f"{self._boto.meta.endpoint_url}/{path}",
            data=None if order is None else json.dumps(order).encode(),
            headers={"Content-Type": "application/json"},
            method="DELETE" if order is None else "POST",
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 -- The same.
            assert answer.status in {200, 204}


def create(bucket: Bucket, key: str, content: bytes, content_type: str = "text/plain") -> None:
    """Creates an object with the right sha256."""
    sha256 = hashlib.sha256(content).hexdigest()
    bucket.writer.create(key, content, sha256=sha256, content_type=content_type)


def content_of(bucket: Bucket, key: str, *, start: int = 0, end: int | None = None) -> bytes:
    """The object's bytes, or a range of them."""
    return b"".join(bucket.reader.read(key, start=start, end=end))


def crc(content: bytes) -> str:
    """The CRC64NVME as S3 writes it."""
    return crc_text(crc64nvme(content, 0))


def upload_all(bucket: Bucket, key: str, pieces: list[bytes]) -> None:
    """A whole multipart upload."""
    upload, _ = bucket.writer.open_upload(key, content_type="text/plain")
    parts = [
        bucket.writer.put_part(key, upload, number, piece)
        for number, piece in enumerate(pieces, start=1)
    ]
    complete(bucket, key, upload, parts, b"".join(pieces))


def complete(bucket: Bucket, key: str, upload: str, parts: list[Part], content: bytes) -> None:
    """Completes an upload, declaring the checksum and size of `content`."""
    bucket.writer.complete_upload(key, upload, parts, checksum=crc(content), size=len(content))


def do_not_wait(seconds: float) -> None:
    """Faults are brought about one by one; nothing gets better by waiting."""
