"""Writes a bucket, create-only: small objects whole, large ones as multipart uploads."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import obstore
from botocore.exceptions import ClientError
from obstore.exceptions import AlreadyExistsError, BaseError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.adapters.http_headers import sendable_content_type
from course_backfill.adapters.s3_clients import S3Clients, carries
from course_backfill.adapters.s3_errors import (
    CONDITION_FAILED,
    CONFLICTS,
    DAMAGED,
    object_exists,
    s3_errors,
    unavailable,
)
from course_backfill.adapters.s3_reader import S3ObjectReader
from course_backfill.adapters.s3_retries import Sleep, try_again
from course_backfill.adapters.s3_uploads import S3Uploads
from course_backfill.cold.storage import STANDARD
from course_backfill.ports import Part

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import StorageClassType


class S3ObjectWriter:
    """The ObjectWriter of one bucket; what it writes is of one storage class."""

    def __init__(
        self,
        clients: S3Clients,
        bucket: str,
        *,
        storage_class: str = STANDARD,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._clients = clients
        self._bucket = bucket
        self._storage_class = cast("StorageClassType", storage_class)
        self._sleep = sleep
        self._reader = S3ObjectReader(clients, bucket, sleep=sleep)
        self._uploads = S3Uploads(clients, bucket, storage_class=storage_class, sleep=sleep)

    def create(self, key: str, content: bytes, *, sha256: str, content_type: str) -> None:
        """See ObjectWriter. ObjectExists may also mean that an earlier try of this very call,
        whose answer was lost, stored the object: compare before you conclude anything.

        The caller's sha256 is taken at its word: S3 checks what arrives by one that obstore
        computes of the same bytes, and a verifier compares what S3 stored with the caller's.
        """
        header = sendable_content_type(content_type)
        if not (carries(key) and self._create_fast(key, content, header)):
            self._create_surely(key, content, sha256, header)

    def open_upload(self, key: str, *, content_type: str) -> tuple[str, dict[int, Part]]:
        """See ObjectWriter; of several open uploads of this storage class the oldest is continued.

        A part whose stored checksum S3 does not tell has an empty one: send it again.
        """
        return self._uploads.open(key, sendable_content_type(content_type))

    def put_part(self, key: str, upload: str, number: int, content: bytes) -> Part:
        """See ObjectWriter; replaces a part of the same number."""
        return self._uploads.put_part(key, upload, number, content)

    def complete_upload(
        self, key: str, upload: str, parts: Sequence[Part], *, checksum: str, size: int
    ) -> None:
        """See ObjectWriter; on ObjectExists and UploadLost the upload has been given up."""
        self._uploads.complete(key, upload, parts, checksum=checksum, size=size)

    def abort_upload(self, key: str, upload: str) -> None:
        """See ObjectWriter."""
        self._uploads.abort(key, upload)

    def _create_fast(self, key: str, content: bytes, content_type: str) -> bool:
        """Creates with obstore; False if it has to be tried again with boto3."""
        try:
            obstore.put(
                self._clients.fast_store(self._bucket),
                key,
                content,
                mode="create",
                use_multipart=False,
                attributes={"Content-Type": content_type, "Storage-Class": self._storage_class},
            )
        except AlreadyExistsError as error:
            # obstore says the same of an object that exists and of two writers at once.
            if self._reader.stat(key) is None:
                return False
            raise object_exists(self._bucket, key) from error
        except (BaseError, OSError):
            return False
        return True

    def _create_surely(self, key: str, content: bytes, sha256: str, content_type: str) -> None:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()

        def attempt() -> str | None:
            with s3_errors("store", self._bucket, key):
                try:
                    self._clients.boto.put_object(
                        Bucket=self._bucket,
                        Key=key,
                        Body=content,
                        ContentType=content_type,
                        StorageClass=self._storage_class,
                        ChecksumSHA256=checksum,
                        IfNoneMatch="*",
                    )
                except ClientError as error:
                    if error_code(error) in CONDITION_FAILED:
                        raise object_exists(self._bucket, key) from error
                    if error_code(error) in CONFLICTS | DAMAGED:
                        return error_code(error)
                    raise
            return None

        if code := try_again(attempt, self._sleep):
            raise unavailable("store", self._bucket, key, code)
