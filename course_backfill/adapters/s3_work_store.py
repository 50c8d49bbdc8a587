"""The work bucket: files written in bounded memory, replaced when written again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from awscrt.checksums import crc64nvme

from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_errors import s3_errors
from course_backfill.adapters.s3_reader import S3ObjectReader
from course_backfill.adapters.s3_retries import Sleep
from course_backfill.adapters.s3_uploads import S3Uploads
from course_backfill.crc import crc_text
from course_backfill.errors import StorageRefused, StorageUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART = 8 * 1024 * 1024
"""Up to this size a file is one request; 10,000 parts of it are the largest file."""


class S3WorkStore:
    """The WorkStore in one bucket."""

    def __init__(self, clients: S3Clients, bucket: str, *, sleep: Sleep = time.sleep) -> None:
        self._clients = clients
        self._bucket = bucket
        self._reader = S3ObjectReader(clients, bucket, sleep=sleep)
        self._uploads = S3Uploads(clients, bucket, sleep=sleep)

    def put(self, key: str, content: Iterable[bytes]) -> None:
        """See WorkStore; holds about three times 8 MiB. It is there once all of it is."""
        pieces = _pieces(content)
        first = next(pieces)
        second = next(pieces, None)
        if second is None:
            self._put_whole(key, first)
        else:
            self._put_parts(key, chain([first, second], pieces))

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See WorkStore and S3ObjectReader.read."""
        return self._reader.read(key, start=start, end=end)

    def _put_whole(self, key: str, content: bytes) -> None:
        with s3_errors("store", self._bucket, key):
            self._clients.boto.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ChecksumCRC64NVME=crc_text(crc64nvme(content, 0)),
            )

    def _put_parts(self, key: str, pieces: Iterable[bytes]) -> None:
        boto = self._clients.boto
        with s3_errors("store", self._bucket, key):
            upload = boto.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ChecksumAlgorithm="CRC64NVME",
                ChecksumType="FULL_OBJECT",
            )["UploadId"]
            try:
                parts, checksum = self._send_parts(key, upload, pieces)
                boto.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload,
                    MultipartUpload={"Parts": parts},
                    ChecksumCRC64NVME=checksum,
                    ChecksumType="FULL_OBJECT",
                )
            except BaseException:
                # What is being raised says more than a failure to clean up; the bucket's
                # lifecycle removes an upload that stays.
                with suppress(StorageUnavailable, StorageRefused):
                    self._uploads.abort(key, upload)
                raise

    def _send_parts(
        self, key: str, upload: str, pieces: Iterable[bytes]
    ) -> tuple[list[CompletedPartTypeDef], str]:
        """Sends the pieces; gives the parts and the checksum of all of them together."""
        parts: list[CompletedPartTypeDef] = []
        whole = 0
        for number, piece in enumerate(pieces, start=1):
            whole = crc64nvme(piece, whole)
            part = self._uploads.put_part(key, upload, number, piece)
            parts.append(
                {"PartNumber": number, "ETag": part.etag, "ChecksumCRC64NVME": part.checksum}
            )
        return parts, crc_text(whole)


def _pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at most 8 MiB; one empty piece where there are none."""
    buffer = bytearray()
    for block in content:
        buffer += block
        while len(buffer) > PART:
            yield bytes(buffer[:PART])
            del buffer[:PART]
    yield bytes(buffer)
