"""The source of copies inside S3: what it is now, and why a copy of it was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.adapters.s3_errors import (
    COLD,
    CONDITION_FAILED,
    MISSING,
    answered_error,
    object_changed,
    object_cold,
    object_exists,
    unavailable,
)
from course_backfill.errors import CopyRefused, CourseBackfillError
from course_backfill.ports import ObjectReader

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

_DENIED = "AccessDenied"
COPY_REFUSALS = CONDITION_FAILED | MISSING | COLD | {_DENIED}
"""Codes that leave open whether the source or the target is meant, or the way to both."""


class S3CopySource:
    """The source bucket of a copier, with what reads it in its own region, and the target."""

    def __init__(
        self, bucket: str, reader: ObjectReader, *, target_bucket: str, target: ObjectReader
    ) -> None:
        self._bucket = bucket
        self._reader = reader
        self._target_bucket = target_bucket
        self._target = target

    def of(self, key: str) -> CopySourceTypeDef:
        """The header's value; boto3 writes any key into it as S3 reads it."""
        return {"Bucket": self._bucket, "Key": key}

    def checksum(self, key: str, etag: str, size: int) -> str | None:
        """The CRC64NVME that S3 stored of the whole object, if it did.

        Raises ObjectChanged where it is not the object of this ETag and size.
        """
        stat = self._reader.stat(key)
        if stat is None or stat.etag != etag or stat.size != size:
            raise object_changed(self._bucket, key)
        return stat.crc64

    def refusal(
        self, error: ClientError, source_key: str, etag: str, key: str
    ) -> CourseBackfillError:
        """What a copy was refused for: one code stands for conditions of both objects."""
        if error_code(error) == _DENIED:
            return self._denial(error, key)
        if self._target.stat(key) is not None:
            return object_exists(self._target_bucket, key)
        if error_code(error) in COLD:
            return object_cold(self._bucket, source_key)
        found = self._reader.stat(source_key)
        if found is None or found.etag != etag:
            return object_changed(self._bucket, source_key)
        # Another's write to the key was undone since.
        return unavailable("copy to", self._target_bucket, key, error_code(error))

    def _denial(self, error: ClientError, key: str) -> CourseBackfillError:
        if "cross-region" in str(error.response.get("Error", {}).get("Message")):
            return CopyRefused(
                f"S3 copies nothing from bucket {self._bucket!r} to bucket {self._target_bucket!r} "
                "through an endpoint of a VPC, since they are in different regions"
            )
        return answered_error(_DENIED, 403, "copy to", self._target_bucket, key)
