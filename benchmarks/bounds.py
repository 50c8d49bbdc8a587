"""What the machine can do at best, each part by itself; and what the plainest program does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from itertools import count

import boto3
import gridfs
import obstore
from pymongo.database import Database

from benchmarks.content import Content
from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.contentstore.platform_files import file_id
from course_backfill.adapters.mongodb import Document
from course_backfill.checksums import checksums_of
from course_backfill.crc import crc_text
from course_backfill.locations import Location
from course_backfill.source_reading import BATCH_OBJECTS
from course_backfill.uploads import LARGE_AT_ONCE, PART_BYTES, PARTS_IN_FLIGHT

CONTENT_TYPE = "application/octet-stream"
_numbers = count()


class SourceBound:
    """Reading GridFS with nothing done to the bytes: small files batched, large ones streamed."""

    def __init__(self, database: Database[Document], content: Content) -> None:
        self._chunks = database["fs.chunks"]
        self._ids = [file_id(content.course, f"file-{n:05d}.bin") for n in range(content.files)]
        self._is_small = max(content.sizes) <= PART_BYTES

    def read(self) -> None:
        """Reads every chunk of the course."""
        for _ in self._rows():
            pass

    def contents(self) -> list[bytes]:
        """All small files, or the first large one, to be put and hashed from memory."""
        if self._is_small:
            return [row["data"] for row in self._rows()]
        rows = self._chunks.find({"files_id": self._ids[0]}, sort=[("n", 1)])
        return [b"".join(row["data"] for row in rows)]

    def _rows(self) -> Iterator[Document]:
        at_once = BATCH_OBJECTS if self._is_small else 1
        for start in range(0, len(self._ids), at_once):
            asked = self._ids[start : start + at_once]
            query = {"files_id": {"$in": asked} if self._is_small else asked[0]}
            yield from self._chunks.find(query, sort=[("files_id", 1), ("n", 1)])


class DestinationBound:
    """PUTs of bytes in memory, by the client and with the concurrency of the worker."""

    def __init__(self, wiring: ConnectedWiring, content: Content, held: Sequence[bytes]) -> None:
        self._wiring = wiring
        self._content = content
        self._held = held
        self._pieces = pieces_of(held[0])

    def put(self) -> None:
        """Stores the whole course below a prefix of its own."""
        prefix = f"raw/{next(_numbers)}"
        if len(self._held) == self._content.files:
            list(self._wiring.executor.map(self._put_small, self._keys(prefix), self._held))
        else:
            with ThreadPoolExecutor(LARGE_AT_ONCE) as executor:
                list(executor.map(self._put_large, self._keys(prefix)))

    def hash(self) -> None:
        """The sha256 and the md5 of the whole course, which the manifest needs."""
        for content in self._held:
            for _ in range(self._content.files // len(self._held)):
                checksums_of([content])

    def _keys(self, prefix: str) -> list[str]:
        return [f"{prefix}/{number:05d}" for number in range(self._content.files)]

    def _put_small(self, key: str, content: bytes) -> None:
        obstore.put(
            self._wiring.buckets.fast_store(self._wiring.primary.bucket),
            key,
            content,
            mode="create",
            use_multipart=False,
            attributes={"Content-Type": CONTENT_TYPE},
        )

    def _put_large(self, key: str) -> None:
        put_large(self._wiring, self._wiring.primary, self._pieces, key)


class NaivePath:
    """One GridFS stream, one PUT of boto3 at a time, with the defaults of both."""

    def __init__(self, database: Database[Document], wiring: ConnectedWiring) -> None:
        self._files = gridfs.GridFSBucket(database)
        self._bucket = wiring.primary.bucket
        self._s3 = boto3.client(
            "s3",
            endpoint_url=wiring.settings.aws_endpoint_url,
            region_name=wiring.settings.aws_region,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - An emulator takes anything.
        )

    def copy(self, content: Content, files: int) -> None:
        """Copies the first so many files of the course."""
        prefix = f"naive/{next(_numbers)}"
        for number in range(files):
            raw_id = file_id(content.course, f"file-{number:05d}.bin")
            with self._files.open_download_stream(raw_id) as stream:
                body = stream.read()
            self._s3.put_object(Bucket=self._bucket, Key=f"{prefix}/{number:05d}", Body=body)


def pieces_of(content: bytes) -> list[bytes]:
    """The parts in which a worker stores it."""
    return [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]


def put_large(
    wiring: ConnectedWiring, location: Location, pieces: Sequence[bytes], key: str
) -> None:
    """Stores parts in memory, as many at a time as a worker does."""
    writer = wiring.writer(location)
    upload, _ = writer.open_upload(key, content_type=CONTENT_TYPE)
    with ThreadPoolExecutor(PARTS_IN_FLIGHT) as executor:
        numbered = enumerate(pieces, start=1)
        parts = list(executor.map(lambda one: writer.put_part(key, upload, *one), numbered))
    checksum = crc_text(reduce(lambda before, piece: wiring.crc64(piece, before), pieces, 0))
    size = sum(map(len, pieces))
    writer.complete_upload(key, upload, parts, checksum=checksum, size=size)
