"""Uploads of large objects: parts in parallel, and after a crash only those that are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from contextlib import suppress

from course_backfill.checksums import RunningChecksums, Stored, checksums_of
from course_backfill.crc import Crc64, crc_text
from course_backfill.errors import ObjectExists, StorageUnavailable
from course_backfill.ports import ObjectReader, ObjectWriter, Part

MIB = 1024 * 1024
PART_BYTES = 8 * MIB
"""Also the size up to which an object is stored whole."""
MAX_PARTS = 10_000
PARTS_IN_FLIGHT = 4
MAX_UPLOADS = 3
"""Times a large object is begun anew because its upload got lost."""
LARGE_AT_ONCE = 2
"""While one large object waits for S3 to open or complete its upload, another is read."""


def part_size(size: int) -> int:
    """Whole MiB, at least 8, so that no object needs more than 10,000 parts."""
    needed = -(-size // MAX_PARTS)
    return max(PART_BYTES, -(-needed // MIB) * MIB)


class PartedUpload:
    """A sink that sends an object part by part, and shows it only at the commit.

    Parts that an earlier attempt sent are sent again only if their checksum, as S3 stored it,
    differs: so the parts of two states of a file are never mixed. `check` raises Fenced once the
    work no longer counts; `approve` raises BadObject where the whole is not what it should be.
    Without `reader`, an object that is there already is left to whoever verifies it. Without
    `has_md5`, nobody needs to know the md5 of what was stored.
    """

    def __init__(
        self,
        *,
        reader: ObjectReader | None,
        writer: ObjectWriter,
        executor: Executor,
        crc64: Crc64,
        check: Callable[[], None],
        key: str,
        size: int,
        content_type: str,
        approve: Callable[[Stored], None] = lambda stored: None,
        has_md5: bool = True,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._executor = executor
        self._crc64 = crc64
        self._check = check
        self._approve = approve
        self._key = key
        self._size = size
        self._part_size = part_size(size)
        self._upload, self._there = writer.open_upload(key, content_type=content_type)
        self._blocks: list[bytes | memoryview] = []
        self._held = 0
        self._checksums = RunningChecksums(crc64, has_md5=has_md5)
        self._sent: list[Future[Part]] = []

    def write(self, block: bytes) -> None:
        """Takes the next block; waits while too many parts are in flight."""
        self._blocks.append(block)
        self._held += len(block)
        while self._held >= self._part_size:
            self._send(self._take(self._part_size))

    def commit(self) -> Stored:
        """Makes the object; one that is there already must be equal. Raises ObjectDiffers."""
        if self._held or not self._sent:
            # An object without bytes has one part without bytes: S3 makes none of no parts.
            self._send(self._take(self._held))
        parts = [future.result() for future in self._sent]
        stored, crc = self._checksums.finish()
        self._approve(stored)
        self._check()
        try:
            self._writer.complete_upload(
                self._key, self._upload, parts, checksum=crc_text(crc), size=self._size
            )
        except ObjectExists:
            self._drop()
            if self._reader is not None:
                require_equal(self._reader, self._key, size=self._size, sha256=stored.sha256)
        return stored

    def discard(self) -> None:
        """Gives the upload up."""
        self.leave()
        self._drop()

    def leave(self) -> None:
        """Waits for the parts in flight; the upload stays, for another attempt to go on with."""
        for future in self._sent:
            with suppress(Exception):  # What went wrong with the object is being raised already.
                future.result()
        self._sent.clear()
        self._blocks.clear()
        self._checksums.close()

    def _drop(self) -> None:
        self._writer.abort_upload(self._key, self._upload)

    def _take(self, size: int) -> bytes:
        """The next so many of the bytes held; each is copied once on its way into a part."""
        if not size:
            return b""
        *whole, last = self._blocks
        surplus = self._held - size
        cut = len(last) - surplus
        self._held = surplus
        self._blocks = [memoryview(last)[cut:]] if surplus else []
        return b"".join([*whole, memoryview(last)[:cut]])

    def _send(self, content: bytes) -> None:
        self._check()
        if len(self._sent) >= PARTS_IN_FLIGHT:
            self._sent[-PARTS_IN_FLIGHT].result()
        number = len(self._sent) + 1
        self._sent.append(self._executor.submit(self._put, number, content))
        self._checksums.update(content)

    def _put(self, number: int, content: bytes) -> Part:
        there = self._there.get(number)
        is_sent = (
            there is not None
            and there.size == len(content)
            and there.checksum == crc_text(self._crc64(content, 0))
        )
        if there is not None and is_sent:
            return there
        return self._writer.put_part(self._key, self._upload, number, content)


class ObjectDiffers(Exception):
    """Another object than the one to be stored is at the key."""


def require_equal(reader: ObjectReader, key: str, *, size: int, sha256: str) -> None:
    """Raises ObjectDiffers unless the object at the key has this size and sha256.

    S3's stored sha256 decides where there is one; otherwise the object is read again.
    """
    stat = reader.stat(key)
    if stat is None:
        raise StorageUnavailable(f"{key!r} was there and then was not")
    if stat.size == size and (stat.sha256 or checksums_of(reader.read(key)).sha256) == sha256:
        return
    raise ObjectDiffers(f"another object is at {key!r}: {stat.size} bytes, expected {size}")


def store_file(
    blocks: Iterable[bytes],
    *,
    reader: ObjectReader,
    writer: ObjectWriter,
    executor: Executor,
    crc64: Crc64,
    check: Callable[[], None],
    key: str,
    size: int,
    content_type: str,
) -> Stored:
    """Stores a file of known size, create-only; a repeat of the same bytes is no error.

    Raises ObjectDiffers where another object is at the key.
    """
    if size <= PART_BYTES:
        content = b"".join(blocks)
        check()
        return store_small(
            content, reader=reader, writer=writer, key=key, content_type=content_type
        )
    upload = PartedUpload(
        reader=reader,
        writer=writer,
        executor=executor,
        crc64=crc64,
        check=check,
        key=key,
        size=size,
        content_type=content_type,
    )
    try:
        for block in blocks:
            upload.write(block)
        return upload.commit()
    except BaseException:
        upload.leave()
        raise


def store_small(
    content: bytes, *, reader: ObjectReader, writer: ObjectWriter, key: str, content_type: str
) -> Stored:
    """Stores an object whole, create-only; raises ObjectDiffers where another one is there."""
    stored = checksums_of([content])
    store_hashed(content, stored, reader=reader, writer=writer, key=key, content_type=content_type)
    return stored


def store_hashed(
    content: bytes,
    stored: Stored,
    *,
    reader: ObjectReader,
    writer: ObjectWriter,
    key: str,
    content_type: str,
) -> None:
    """The same for an object whose checksums are known already."""
    try:
        writer.create(key, content, sha256=stored.sha256, content_type=content_type)
    except ObjectExists:
        require_equal(reader, key, size=len(content), sha256=stored.sha256)
