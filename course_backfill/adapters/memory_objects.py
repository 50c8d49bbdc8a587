"""Object storage in memory: the twins of S3's reader, writer, eraser and work store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from awscrt.checksums import crc64nvme

from course_backfill.adapters.http_headers import sendable_content_type
from course_backfill.adapters.memory_bucket import MemoryBucket, StoredUpload
from course_backfill.adapters.memory_restores import is_archived
from course_backfill.cold.storage import STANDARD
from course_backfill.crc import crc_text
from course_backfill.erasure import check_abortable, check_erasable
from course_backfill.ports import ObjectStat, Part

BLOCK = 1024 * 1024
_SMALLEST_PART = 5 * 1024 * 1024


class MemoryObjectReader:
    """The ObjectReader of a bucket in memory."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self._bucket = bucket

    def stat(self, key: str) -> ObjectStat | None:
        """See ObjectReader."""
        with self._bucket.request("stat", key):
            return self._bucket.stat(key)

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See ObjectReader; NotFound comes with the first block."""
        with self._bucket.request("read", key):
            found = self._bucket.latest(key)
            if found is None or found.content is None:
                raise self._bucket.missing(key)
            if self._bucket.is_cold(key):
                raise self._bucket.cold(key)
            wanted = memoryview(found.content)[start:end]
        for offset in range(0, len(wanted), BLOCK):
            yield bytes(wanted[offset : offset + BLOCK])

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ObjectReader."""
        with self._bucket.request("list", prefix):
            # Python orders strings by code points, which is the order of their UTF-8 bytes.
            keys = sorted(key for key in self._bucket.versions if key.startswith(prefix))
        for key in keys:
            if found := self._bucket.stat(key):
                yield ObjectStat(
                    key=key,
                    size=found.size,
                    etag=found.etag,
                    storage_class=found.storage_class,
                    archive=found.storage_class if is_archived(found.storage_class) else None,
                    restore=found.restore,
                )

    def presign(self, key: str, *, version_id: str | None, seconds: int, file_name: str) -> str:
        """See ObjectReader; the URL leads nowhere."""
        return (
            f"https://{self._bucket.name}.invalid/{quote(key)}"
            f"?versionId={quote(version_id or '')}&seconds={seconds}"
            f"&fileName={quote(file_name, safe='')}"
        )


class MemoryObjectWriter:
    """The ObjectWriter of a bucket in memory."""

    def __init__(
        self,
        bucket: MemoryBucket,
        *,
        storage_class: str = STANDARD,
        smallest_part: int = _SMALLEST_PART,
    ) -> None:
        self._bucket = bucket
        self._storage_class = storage_class
        self._smallest_part = smallest_part

    def create(self, key: str, content: bytes, *, sha256: str, content_type: str) -> None:
        """See ObjectWriter; like S3, it stores the sha256 of the bytes whatever the caller says."""
        with self._bucket.request("create", key):
            if self._bucket.latest(key) is not None:
                raise self._bucket.exists(key)
            header = sendable_content_type(content_type)
            self._bucket.store(
                key,
                bytes(content),
                content_type=header,
                sha256=_sha256(content),
                storage_class=self._storage_class,
            )

    def open_upload(self, key: str, *, content_type: str) -> tuple[str, dict[int, Part]]:
        """See ObjectWriter."""
        with self._bucket.request("open_upload", key):
            for upload, stored in self._bucket.uploads.items():
                if stored.key == key and stored.storage_class == self._storage_class:
                    return upload, {number: part for number, (part, _) in stored.parts.items()}
            header = sendable_content_type(content_type)
            return self._bucket.new_upload(key, header, self._storage_class), {}

    def put_part(self, key: str, upload: str, number: int, content: bytes) -> Part:
        """See ObjectWriter."""
        with self._bucket.request("put_part", key):
            etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
            part = Part(number, len(content), f'"{etag}"', crc_text(crc64nvme(content, 0)))
            self._open(key, upload).parts[number] = (part, bytes(content))
            return part

    def complete_upload(
        self, key: str, upload: str, parts: Sequence[Part], *, checksum: str, size: int
    ) -> None:
        """See ObjectWriter."""
        with self._bucket.request("complete_upload", key):
            if upload not in self._bucket.uploads and self._bucket.latest(key) is not None:
                raise self._bucket.exists(key)
            stored = self._open(key, upload)
            del self._bucket.uploads[upload]
            if self._bucket.latest(key) is not None:
                raise self._bucket.exists(key)
            content = self._joined(stored, parts)
            if content is None or len(content) != size:
                raise self._bucket.lost(key)
            if crc_text(crc64nvme(content, 0)) != checksum:
                raise self._bucket.lost(key)
            self._bucket.store(
                key,
                content,
                content_type=stored.content_type,
                crc64=checksum,
                storage_class=stored.storage_class,
                part_sizes=[part.size for part in parts],
            )

    def abort_upload(self, key: str, upload: str) -> None:
        """See ObjectWriter."""
        with self._bucket.request("abort_upload", key):
            self._bucket.uploads.pop(upload, None)

    def _open(self, key: str, upload: str) -> StoredUpload:
        stored = self._bucket.uploads.get(upload)
        if stored is None or stored.key != key:
            raise self._bucket.lost(key)
        return stored

    def _joined(self, upload: StoredUpload, parts: Sequence[Part]) -> bytes | None:
        """The object's bytes; None if these are not the upload's parts, or some are too small."""
        pieces = []
        for part in parts:
            there, content = upload.parts.get(part.number, (None, b""))
            if there != part:
                return None
            pieces.append(content)
        if any(len(piece) < self._smallest_part for piece in pieces[:-1]):
            return None
        return b"".join(pieces)


class MemoryObjectEraser:
    """The ObjectEraser of a bucket in memory."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self._bucket = bucket

    def erase(self, prefix: str) -> int:
        """See ObjectEraser; raises NotErasable for any but a version's prefix."""
        check_erasable(prefix)
        with self._bucket.request("erase", prefix):
            aborted = self._abort_all(prefix)
            keys = [key for key in self._bucket.versions if key.startswith(prefix)]
            return aborted + sum(len(self._bucket.versions.pop(key)) for key in keys)

    def abort_uploads(self, prefix: str) -> int:
        """See ObjectEraser; raises NotErasable for any but a course's prefix."""
        check_abortable(prefix)
        with self._bucket.request("abort_uploads", prefix):
            return self._abort_all(prefix)

    def _abort_all(self, prefix: str) -> int:
        uploads = self._bucket.uploads
        below = [one for one, stored in uploads.items() if stored.key.startswith(prefix)]
        for upload in below:
            del uploads[upload]
        return len(below)


class MemoryWorkStore:
    """The WorkStore in a bucket in memory."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self._bucket = bucket
        self._reader = MemoryObjectReader(bucket)

    def put(self, key: str, content: Iterable[bytes]) -> None:
        """See WorkStore."""
        whole = b"".join(content)
        with self._bucket.request("put", key):
            self._bucket.store(key, whole)

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See WorkStore."""
        return self._reader.read(key, start=start, end=end)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
