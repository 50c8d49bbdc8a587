"""What the probe tries of S3: create-only writes, checksums, listings, and removing again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from awscrt.checksums import crc64nvme

from course_backfill.adapters.aws_errors import S3
from course_backfill.adapters.probe_cleaning import cleaning
from course_backfill.adapters.probe_trials import ProbeFailed, Trial, expect_equal, expect_refusal
from course_backfill.crc import crc_text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

CONTENT = b"written by course-backfill setup --probe"
OTHER_CONTENT = b"other bytes"

_OVERWRITES = "Do not use this S3 as a location: it would overwrite existing objects"
_CORRUPTS = "Do not use this S3 as a location: it does not notice bytes damaged on their way"
_NO_FULL_CRC = "Use an S3 with full-object CRC64NVME checksums: large files need them"
_ALREADY_THERE = {"PreconditionFailed"}
_DAMAGED = {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"}


class ObjectTrials:
    """The trials of one bucket, all below one prefix of their own."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def trials(self) -> Iterator[Trial]:
        """In the order in which they are to run: later ones look at what earlier ones wrote."""
        yield self._trial("create-only write", _OVERWRITES, self._create_only)
        yield self._trial("create-only upload", _OVERWRITES, self._create_only_upload)
        yield self._trial("sha256 is stored", "Set verify to bytes", self._stored_sha256)
        yield self._trial("wrong sha256 is refused", _CORRUPTS, self._wrong_sha256)
        yield self._trial("CRC64NVME of a whole upload is stored", _NO_FULL_CRC, self._stored_crc)
        yield self._trial("wrong CRC64NVME is refused", _CORRUPTS, self._wrong_crc)
        yield self._trial(
            "listing after writing", "Use an S3 with consistent listings", self._listing
        )

    def cleaning(self) -> Trial:
        """See probe_cleaning."""
        return cleaning(self._client, self._bucket, self._prefix)

    def _trial(self, name: str, action: str, run: Callable[[], str]) -> Trial:
        return Trial(f"{self._bucket}: {name}", action, S3, run)

    def _create_only(self) -> str:
        key = f"{self._prefix}once"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=CONTENT, IfNoneMatch="*")
        code = expect_refusal(
            _ALREADY_THERE,
            lambda: self._client.put_object(
                Bucket=self._bucket, Key=key, Body=OTHER_CONTENT, IfNoneMatch="*"
            ),
        )
        self._expect_content(key)
        return f"the second write was refused with {code}"

    def _create_only_upload(self) -> str:
        key = f"{self._prefix}once"
        upload, parts = self._upload(key, OTHER_CONTENT)
        code = expect_refusal(
            _ALREADY_THERE,
            lambda: self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            ),
        )
        self._expect_content(key)
        return f"the upload was refused with {code}"

    def _stored_sha256(self) -> str:
        key = f"{self._prefix}sha256"
        digest = _sha256(CONTENT)
        self._client.put_object(Bucket=self._bucket, Key=key, Body=CONTENT, ChecksumSHA256=digest)
        found = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        expect_equal("the stored sha256", found.get("ChecksumSHA256"), digest)
        return "and given back"

    def _wrong_sha256(self) -> str:
        code = expect_refusal(
            _DAMAGED,
            lambda: self._client.put_object(
                Bucket=self._bucket,
                Key=f"{self._prefix}wrong-sha256",
                Body=CONTENT,
                ChecksumSHA256=_sha256(OTHER_CONTENT),
            ),
        )
        return f"refused with {code}"

    def _stored_crc(self) -> str:
        key = f"{self._prefix}crc"
        checksum = crc_text(crc64nvme(CONTENT))
        self._complete(key, checksum)
        found = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        expect_equal("the stored CRC64NVME", found.get("ChecksumCRC64NVME"), checksum)
        expect_equal("its type", found.get("ChecksumType"), "FULL_OBJECT")
        return "and given back"

    def _wrong_crc(self) -> str:
        checksum = crc_text(crc64nvme(OTHER_CONTENT))
        code = expect_refusal(
            _DAMAGED, lambda: self._complete(f"{self._prefix}wrong-crc", checksum)
        )
        return f"refused with {code}"

    def _listing(self) -> str:
        key = f"{self._prefix}listed"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=CONTENT)
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key)
        sizes = {one["Key"]: one["Size"] for one in found.get("Contents", [])}
        expect_equal("the listing", sizes, {key: len(CONTENT)})
        return "the object was listed at once"

    def _upload(self, key: str, content: bytes) -> tuple[str, list[CompletedPartTypeDef]]:
        upload = self._client.create_multipart_upload(
            Bucket=self._bucket,
            Key=key,
            ChecksumAlgorithm="CRC64NVME",
            ChecksumType="FULL_OBJECT",
        )["UploadId"]
        checksum = crc_text(crc64nvme(content))
        part = self._client.upload_part(
            Bucket=self._bucket,
            Key=key,
            UploadId=upload,
            PartNumber=1,
            Body=content,
            ChecksumCRC64NVME=checksum,
        )
        return upload, [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC64NVME": checksum}]

    def _complete(self, key: str, checksum: str) -> Mapping[str, Any]:
        upload, parts = self._upload(key, CONTENT)
        return self._client.complete_multipart_upload(
            Bucket=self._bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            ChecksumCRC64NVME=checksum,
            ChecksumType="FULL_OBJECT",
            IfNoneMatch="*",
        )

    def _expect_content(self, key: str) -> None:
        found = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        if found != CONTENT:
            raise ProbeFailed("was refused, yet the object was overwritten")


def _sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
