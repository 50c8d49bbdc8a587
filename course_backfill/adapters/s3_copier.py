"""Copies inside S3, create-only: small objects in one request, large ones part by part."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.adapters.http_headers import sendable_content_type
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_copied_parts import S3CopiedParts
from course_backfill.adapters.s3_copy_sources import COPY_REFUSALS, S3CopySource
from course_backfill.adapters.s3_errors import CONFLICTS, object_exists, s3_errors, unavailable
from course_backfill.adapters.s3_reader import S3ObjectReader
from course_backfill.adapters.s3_retries import TRIES, Sleep, try_again
from course_backfill.adapters.s3_uploads import S3Uploads
from course_backfill.cold.storage import STANDARD
from course_backfill.errors import UploadLost

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import StorageClassType

MIB = 1024 * 1024

WHOLE = 64 * MIB
"""Up to this size one request copies the object.

S3 would take 5 GB, and answers when all of it is copied. A piece of this size is copied within the
client's patience even between distant regions, several of them are copied at a time, and what an
interrupted copy has done already is kept.
"""

MAX_PARTS = 10_000


class S3ObjectCopier:
    """The ObjectCopier between two buckets that one set of credentials reaches at one endpoint.

    Nothing is carried over but the bytes and their checksum: tags, metadata and encryption are
    those that the target's bucket gives to new objects.
    """

    def __init__(
        self,
        clients: S3Clients,
        source: str,
        target: str,
        *,
        source_clients: S3Clients | None = None,
        storage_class: str = STANDARD,
        whole: int = WHOLE,
        part_size: int = WHOLE,
        sleep: Sleep = time.sleep,
    ) -> None:
        """`clients` are the target's, `source_clients` the source's where its region is another.

        Larger objects than `whole` bytes go in parts.
        """
        self._clients = clients
        self._target = target
        self._storage_class = cast("StorageClassType", storage_class)
        self._whole = whole
        self._part_size = part_size
        self._sleep = sleep
        self._reader = S3ObjectReader(clients, target, sleep=sleep)
        self._source = S3CopySource(
            source,
            S3ObjectReader(source_clients or clients, source, sleep=sleep),
            target_bucket=target,
            target=self._reader,
        )
        self._uploads = S3Uploads(clients, target, storage_class=storage_class, sleep=sleep)

    def copy(self, source_key: str, *, etag: str, key: str, size: int, content_type: str) -> None:
        """See ObjectCopier. What was begun in parts is continued if the source's checksum of the
        whole object is known, by which S3 finds a part of another state.
        """
        header = sendable_content_type(content_type)
        if size <= self._whole:
            self._copy_whole(source_key, etag, key, header)
        else:
            self._copy_in_parts(source_key, etag, key, size, header)

    def _copy_whole(self, source_key: str, etag: str, key: str, content_type: str) -> None:
        answered = ""

        def attempt() -> str | None:
            nonlocal answered
            with s3_errors("copy to", self._target, key):
                try:
                    result = self._clients.boto.copy_object(
                        Bucket=self._target,
                        Key=key,
                        CopySource=self._source.of(source_key),
                        CopySourceIfMatch=etag,
                        IfNoneMatch="*",
                        StorageClass=self._storage_class,
                        ContentType=content_type,
                        MetadataDirective="REPLACE",
                        # To read and write tags takes rights of its own.
                        TaggingDirective="REPLACE",
                    ).get("CopyObjectResult")
                except ClientError as error:
                    if error_code(error) in CONFLICTS:
                        return error_code(error)
                    if error_code(error) in COPY_REFUSALS:
                        raise self._source.refusal(error, source_key, etag, key) from error
                    raise
                answered = (result or {}).get("ETag", "")
            return None

        if code := try_again(attempt, self._sleep):
            raise unavailable("copy to", self._target, key, code)
        if not answered:
            # An answer of 200 may be sent before S3 is done; only the ETag says that it is.
            raise unavailable("copy to", self._target, key, "no ETag")

    def _copy_in_parts(
        self, source_key: str, etag: str, key: str, size: int, content_type: str
    ) -> None:
        for _ in range(TRIES):
            if self._reader.stat(key) is not None:
                raise object_exists(self._target, key)
            crc64 = self._source.checksum(source_key, etag, size)
            copied = S3CopiedParts(
                self._clients,
                self._uploads,
                self._source,
                source_key=source_key,
                etag=etag,
                target=self._target,
                key=key,
                size=size,
                part_size=max(self._part_size, -(-size // MAX_PARTS)),
                sleep=self._sleep,
            )
            try:
                copied.make(content_type, crc64)
            except UploadLost:
                continue
            return
        raise unavailable("copy to", self._target, key, "the upload is lost again and again")
