"""What the machine can do at best with objects of S3: copying inside it, reading, hashing, putting.

Each by itself, with as many threads as a worker has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import boto3
import obstore
from botocore.config import Config

from benchmarks.bounds import CONTENT_TYPE, pieces_of, put_large
from benchmarks.worker import FULL, TARGET
from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.s3_copier import WHOLE
from course_backfill.adapters.s3_reader import BLOCK
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.uploads import LARGE_AT_ONCE, PART_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


class LocationBounds:
    """Plain requests for packets of objects of the full location, one packet after the other."""

    def __init__(
        self, worker: ConnectedWiring, packets: Sequence[Sequence[ExpectedObject]]
    ) -> None:
        self._worker = worker
        self._packets = packets
        self._bucket = worker.locations[FULL].bucket
        self._target = worker.locations[TARGET].bucket
        self._content = bytes(max(one.size for packet in packets for one in packet))
        self._pieces = pieces_of(self._content)
        self._s3 = plain_client(worker)

    def copy(self) -> None:
        """CopyObject for each object; of those too large for it, UploadPartCopy of each part."""
        self._each(self._copy_parts if self._is_large(WHOLE) else self._copy_whole)

    def read(self) -> None:
        """Gets each object, and drops it."""
        self._each(self._get)

    def hash(self) -> None:
        """The sha256 of as many bytes in memory, in the blocks in which they would arrive."""
        self._each(self._hash)

    def put(self) -> None:
        """Puts as many bytes from memory, in parts where a worker does."""
        if self._is_large(PART_BYTES):
            put = partial(put_large, self._worker, self._worker.locations[TARGET], self._pieces)
            with ThreadPoolExecutor(LARGE_AT_ONCE) as executor:
                self._each(lambda one: put(one.key), executor)
        else:
            self._each(self._put)

    def _each(
        self, work: Callable[[ExpectedObject], object], executor: Executor | None = None
    ) -> None:
        for packet in self._packets:
            list((executor or self._worker.executor).map(work, packet))

    def _is_large(self, limit: int) -> bool:
        return len(self._content) > limit

    def _copy_whole(self, one: ExpectedObject) -> None:
        source = f"{self._bucket}/{one.key}"
        self._s3.copy_object(Bucket=self._target, Key=one.key, CopySource=source)

    def _copy_parts(self, one: ExpectedObject) -> None:
        bucket, key = self._target, one.key
        upload = self._s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]

        def copy(number: int) -> CompletedPartTypeDef:
            start = (number - 1) * WHOLE
            copied = self._s3.upload_part_copy(
                Bucket=bucket,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                CopySource=f"{self._bucket}/{key}",
                CopySourceRange=f"bytes={start}-{min(start + WHOLE, one.size) - 1}",
            )
            return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}

        count = -(-one.size // WHOLE)
        with ThreadPoolExecutor(count) as executor:
            parts = list(executor.map(copy, range(1, count + 1)))
        self._s3.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
        )

    def _get(self, one: ExpectedObject) -> None:
        store = self._worker.buckets.fast_store(self._bucket)
        for _ in obstore.get(store, one.key).stream(min_chunk_size=BLOCK):
            pass

    def _hash(self, one: ExpectedObject) -> None:
        sha256, content = hashlib.sha256(), memoryview(self._content)
        for start in range(0, one.size, BLOCK):
            sha256.update(content[start : start + BLOCK])
        sha256.hexdigest()

    def _put(self, one: ExpectedObject) -> None:
        obstore.put(
            self._worker.buckets.fast_store(self._target),
            one.key,
            self._content,
            mode="create",
            use_multipart=False,
            attributes={"Content-Type": CONTENT_TYPE},
        )


def plain_client(worker: ConnectedWiring) -> S3Client:
    """boto3 with its defaults, and as many connections as the worker has."""
    return boto3.client(
        "s3",
        endpoint_url=worker.settings.aws_endpoint_url,
        region_name=worker.settings.aws_region,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - An emulator takes anything.
        config=Config(max_pool_connections=worker.settings.files_in_flight),
    )
