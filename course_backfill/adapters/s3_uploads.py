"""Multipart uploads: continued where one was left, and completed only over an empty key."""

from __future__ import annotations

import time
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote_plus

from awscrt.checksums import crc64nvme
from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_errors import (
    CONDITION_FAILED,
    CONFLICTS,
    DAMAGED,
    MISSING,
    object_changed,
    object_exists,
    place,
    s3_errors,
    unavailable,
)
from course_backfill.adapters.s3_reader import S3ObjectReader
from course_backfill.adapters.s3_retries import Sleep, try_again
from course_backfill.cold.storage import STANDARD
from course_backfill.crc import crc_text
from course_backfill.errors import UploadLost
from course_backfill.ports import Part

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import StorageClassType
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        CompleteMultipartUploadRequestTypeDef,
        MultipartUploadTypeDef,
    )

_ALGORITHM: Final = "CRC64NVME"
GONE: Final = "NoSuchUpload"
_UNUSABLE = CONFLICTS | {
    "BadDigest",
    "EntityTooSmall",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidRequest",  # The parts add up to another size than the object's.
}
"""S3 will never make the object of these parts: they belong to different states of the file, or
another writer was there at the same time."""


class S3Uploads:
    """The multipart uploads of one bucket that end in objects of one storage class."""

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

    def open(self, key: str, content_type: str) -> tuple[str, dict[int, Part]]:
        """See ObjectWriter.open_upload."""
        with s3_errors("open an upload of", self._bucket, key):
            if upload := self._oldest(key):
                try:
                    return upload, self._parts(key, upload)
                except ClientError as error:
                    if error_code(error) != GONE:
                        raise
        return self.begin(key, content_type), {}

    def begin(self, key: str, content_type: str) -> str:
        """The id of a new upload, whatever others are open."""
        with s3_errors("open an upload of", self._bucket, key):
            return self._clients.boto.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ContentType=content_type,
                StorageClass=self._storage_class,
                ChecksumAlgorithm=_ALGORITHM,
                ChecksumType="FULL_OBJECT",
            )["UploadId"]

    def put_part(self, key: str, upload: str, number: int, content: bytes) -> Part:
        """See ObjectWriter."""
        checksum = crc_text(crc64nvme(content, 0))
        etag = ""

        def attempt() -> str | None:
            nonlocal etag
            with s3_errors("store a part of", self._bucket, key):
                try:
                    etag = self._clients.boto.upload_part(
                        Bucket=self._bucket,
                        Key=key,
                        UploadId=upload,
                        PartNumber=number,
                        Body=_Body(content),
                        ChecksumCRC64NVME=checksum,
                    )["ETag"]
                except ClientError as error:
                    if error_code(error) == GONE:
                        raise self.lost(key) from error
                    if error_code(error) in DAMAGED:
                        return error_code(error)
                    raise
            return None

        if code := try_again(attempt, self._sleep):
            raise unavailable("store a part of", self._bucket, key, code)
        return Part(number=number, size=len(content), etag=etag, checksum=checksum)

    def complete(
        self,
        key: str,
        upload: str,
        parts: Sequence[Part],
        *,
        checksum: str | None,
        size: int,
        replaced_etag: str | None = None,
    ) -> None:
        """See ObjectWriter.complete_upload; S3 checks the whole object where a checksum is given.

        With `replaced_etag` it replaces the object of this ETag, and raises ObjectChanged where
        there is another or none.
        """
        request: CompleteMultipartUploadRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": key,
            "UploadId": upload,
            "MultipartUpload": {"Parts": [_completed(part) for part in parts]},
            "ChecksumType": "FULL_OBJECT",
            "MpuObjectSize": size,
        }
        if checksum is not None:
            request["ChecksumCRC64NVME"] = checksum
        if replaced_etag is None:
            request["IfNoneMatch"] = "*"
        else:
            request["IfMatch"] = replaced_etag
        with s3_errors("complete the upload of", self._bucket, key):
            try:
                answer = self._clients.boto.complete_multipart_upload(**request)
            except ClientError as error:
                self._raise_named(error, key, upload, is_replacing=replaced_etag is not None)
                raise
        if not answer.get("ETag"):
            # An answer of 200 is sent before S3 is done; only the ETag says that it is.
            raise unavailable("complete the upload of", self._bucket, key, "no ETag")

    def abort(self, key: str, upload: str) -> None:
        """See ObjectWriter.abort_upload."""
        with s3_errors("abort the upload of", self._bucket, key):
            try:
                self._clients.boto.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload
                )
            except ClientError as error:
                if error_code(error) != GONE:
                    raise

    def lost(self, key: str) -> UploadLost:
        """The error of an upload that is gone, or has no future."""
        return UploadLost(f"the upload of {place(self._bucket, key)} is lost; it begins anew")

    def _raise_named(
        self, error: ClientError, key: str, upload: str, *, is_replacing: bool
    ) -> None:
        """Raises what the port names of the errors that completing an upload may meet.

        An upload that has no future is aborted first, or it would be continued the next time.
        """
        code = error_code(error)
        if code in CONDITION_FAILED or (is_replacing and code in MISSING):
            self.abort(key, upload)
            named = object_changed if is_replacing else object_exists
            raise named(self._bucket, key) from error
        if code in _UNUSABLE:
            self.abort(key, upload)
            raise self.lost(key) from error
        if code == GONE:
            # Either the upload was aborted, or an earlier try completed it and its answer was lost.
            if not is_replacing and self._reader.stat(key) is not None:
                raise object_exists(self._bucket, key) from error
            raise self.lost(key) from error

    def _oldest(self, key: str) -> str | None:
        # S3 lists by key, then by time: uploads of the key itself come before those of longer keys.
        page = self._clients.boto.list_multipart_uploads(
            Bucket=self._bucket, Prefix=key, EncodingType="url"
        )
        is_encoded = page.get("EncodingType") == "url"
        uploads = [
            upload
            for upload in page.get("Uploads", [])
            if (unquote_plus(upload["Key"]) if is_encoded else upload["Key"]) == key
            and self._is_ours(upload)
        ]
        oldest = min(uploads, key=lambda upload: upload["Initiated"], default=None)
        return oldest["UploadId"] if oldest else None

    def _parts(self, key: str, upload: str) -> dict[int, Part]:
        pages = self._clients.boto.get_paginator("list_parts")
        return {
            part["PartNumber"]: Part(
                number=part["PartNumber"],
                size=part["Size"],
                etag=part["ETag"],
                checksum=part.get("ChecksumCRC64NVME", ""),
            )
            for page in pages.paginate(Bucket=self._bucket, Key=key, UploadId=upload)
            for part in page.get("Parts", [])
        }

    def _is_ours(self, upload: MultipartUploadTypeDef) -> bool:
        """Whether it can end in an object of this class whose whole checksum S3 checks."""
        return (
            upload.get("ChecksumAlgorithm", _ALGORITHM) == _ALGORITHM
            and upload.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
            and upload.get("StorageClass", STANDARD) == self._storage_class
        )


def _completed(part: Part) -> CompletedPartTypeDef:
    completed: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": part.etag}
    if part.checksum:
        completed["ChecksumCRC64NVME"] = part.checksum
    return completed


class _Body(BytesIO):
    """Bytes that are sent in one go.

    Of any other file urllib3 sends 16 KiB at a time, each with a lock, a copy and a system call:
    a quarter of the CPU of an upload, and more where other threads want the interpreter too.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """All that is left, whatever is asked for."""
        return super().read()
