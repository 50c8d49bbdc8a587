"""Uploads of small parts to a bucket in memory that counts the parts it was sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from awscrt.checksums import crc64nvme

from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.adapters.memory_objects import MemoryObjectReader, MemoryObjectWriter
from course_backfill.checksums import Stored
from course_backfill.ports import Part
from course_backfill.uploads import PartedUpload, store_file

KEY = "courses/c/v1/assets/large.mp4"
CONTENT = bytes(range(10))


class CountingWriter(MemoryObjectWriter):
    """Notes which parts were sent."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(bucket, smallest_part=1)
        self.put: list[int] = []

    def put_part(self, key: str, upload: str, number: int, content: bytes) -> Part:
        """See ObjectWriter."""
        self.put.append(number)
        return super().put_part(key, upload, number, content)


class Bench:
    """Uploads of parts of four bytes to a bucket in memory."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.bucket = MemoryBucket()
        self.reader = MemoryObjectReader(self.bucket)
        self.writer = CountingWriter(self.bucket)
        self.executor = executor
        self.check: Callable[[], None] = lambda: None
        self.approve: Callable[[Stored], None] = lambda stored: None

    def open(self, content: bytes = CONTENT) -> PartedUpload:
        """An upload of so many bytes."""
        return PartedUpload(
            reader=self.reader,
            writer=self.writer,
            executor=self.executor,
            crc64=crc64nvme,
            check=self.check,
            approve=self.approve,
            key=KEY,
            size=len(content),
            content_type="video/mp4",
        )

    def send(self, content: bytes = CONTENT, *, blocks: Sequence[bytes] | None = None) -> Stored:
        """Uploads it, leaving the upload where that does not work, as a reader does."""
        upload = self.open(content)
        try:
            for block in blocks or [content]:
                upload.write(block)
            return upload.commit()
        except BaseException:
            upload.leave()
            raise

    def interrupted(self, content: bytes = CONTENT, *, after: int) -> None:
        """An attempt that died after so many bytes."""
        upload = self.open(content)
        upload.write(content[:after])
        upload.leave()
        self.writer.put.clear()

    def store(self, content: bytes) -> Stored:
        """Stores it as a file of known size."""
        return store_file(
            iter([content]),
            reader=self.reader,
            writer=self.writer,
            executor=self.executor,
            crc64=crc64nvme,
            check=self.check,
            key=KEY,
            size=len(content),
            content_type="application/json",
        )

    def shown(self) -> bytes | None:
        """What a reader of the key finds."""
        found = self.bucket.latest(KEY)
        return found.content if found else None
