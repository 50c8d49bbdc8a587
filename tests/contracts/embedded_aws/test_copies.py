"""Copies inside S3: what they carry over, what they answer, how large they may be."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from awscrt import checksums as crt
from botocore.exceptions import ClientError

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024
BODY = bytes(range(256)) * 24 * 1024


def md5(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def crc64(body: bytes) -> str:
    return base64.b64encode(crt.crc64nvme(body).to_bytes(8, "big")).decode()


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@pytest.fixture
def source(s3: S3Client, bucket: str) -> dict[str, Any]:
    """Uploaded in two parts, so that nobody has counted the MD5 of the whole."""
    where: dict[str, Any] = {"Bucket": bucket, "Key": "source"}
    upload = s3.create_multipart_upload(**where, ContentType="text/x", Metadata={"a": "b"})
    where["UploadId"] = upload["UploadId"]
    parts: Any = []
    for number in (1, 2):
        part = s3.upload_part(**where, PartNumber=number, Body=BODY)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    return {"Bucket": bucket, "Key": "source"}


def assembled(s3: S3Client, bucket: str, key: str, source: Any, times: int) -> None:
    """An object of the bytes of another, so many times in a row."""
    where: dict[str, Any] = {"Bucket": bucket, "Key": key}
    where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
    parts: Any = []
    for number in range(1, times + 1):
        copied = s3.upload_part_copy(**where, PartNumber=number, CopySource=source)
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


def test_the_etag_of_a_copy_is_the_md5_of_its_bytes(s3: S3Client, bucket: str, source: Any) -> None:
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource=source)["CopyObjectResult"]
    assert copied["ETag"] == md5(BODY + BODY)
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == md5(BODY + BODY)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == BODY + BODY


def test_a_copy_has_the_checksum_of_its_source(s3: S3Client, bucket: str, source: Any) -> None:
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource=source)["CopyObjectResult"]
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert copied["ChecksumCRC64NVME"] == head["ChecksumCRC64NVME"] == crc64(BODY + BODY)
    assert copied["ChecksumType"] == head["ChecksumType"] == "FULL_OBJECT"


def test_a_copy_has_the_checksum_it_asks_for(s3: S3Client, bucket: str, source: Any) -> None:
    answer = s3.copy_object(Bucket=bucket, Key="k", CopySource=source, ChecksumAlgorithm="SHA256")
    assert answer["CopyObjectResult"]["ChecksumSHA256"] == sha256(BODY + BODY)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], "ChecksumCRC64NVME" in head) == (sha256(BODY + BODY), False)


def test_a_copy_keeps_what_is_said_of_its_source_unless_told_otherwise(
    s3: S3Client, bucket: str, source: Any
) -> None:
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source, Metadata={"c": "d"})
    s3.copy_object(
        Bucket=bucket,
        Key="replaced",
        CopySource=source,
        MetadataDirective="REPLACE",
        ContentType="text/y",
        Metadata={"c": "d"},
    )
    kept, replaced = (s3.head_object(Bucket=bucket, Key=key) for key in ("kept", "replaced"))
    assert (kept["ContentType"], kept["Metadata"]) == ("text/x", {"a": "b"})
    assert (replaced["ContentType"], replaced["Metadata"]) == ("text/y", {"c": "d"})


def test_a_copy_onto_itself_must_change_something(s3: S3Client, source: Any) -> None:
    with refused("InvalidRequest", 400):
        s3.copy_object(**source, CopySource=source)
    s3.copy_object(**source, CopySource=source, StorageClass="STANDARD_IA")
    head = s3.head_object(**source)
    assert (head["StorageClass"], head["Metadata"]) == ("STANDARD_IA", {"a": "b"})


def test_a_copy_can_refuse_a_source_it_knows(s3: S3Client, bucket: str, source: Any) -> None:
    etag = s3.head_object(**source)["ETag"]
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source, CopySourceIfNoneMatch=etag)


def test_a_copied_part_is_answered_with_its_checksums(
    s3: S3Client, bucket: str, source: Any
) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part: dict[str, Any] = {"Bucket": bucket, "Key": "k", "UploadId": upload, "CopySource": source}
    spans = {1: (0, len(BODY) - 1), 2: (7, len(BODY) + 7), 3: (0, 2 * len(BODY) - 1)}
    for number, (first, last) in spans.items():
        copied = s3.upload_part_copy(
            **part, PartNumber=number, CopySourceRange=f"bytes={first}-{last}"
        )["CopyPartResult"]
        body = (BODY + BODY)[first : last + 1]
        assert (copied["ETag"], copied["ChecksumCRC64NVME"]) == (md5(body), crc64(body))


@pytest.mark.parametrize("span", ["bytes=5-4", "bytes=5-", "bytes=-5", "5-6", "bytes=a-b"])
def test_a_range_that_is_none_is_refused(s3: S3Client, bucket: str, source: Any, span: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    with refused("InvalidArgument", 400):
        s3.upload_part_copy(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            PartNumber=1,
            CopySource=source,
            CopySourceRange=span,
        )
    assert "Parts" not in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)


def test_more_than_five_gibibytes_are_copied_in_parts_only(s3: S3Client, bucket: str) -> None:
    piece: Any = {"Bucket": bucket, "Key": "piece"}
    s3.put_object(**piece, Body=bytes(64 * MIB))
    assembled(s3, bucket, "large", piece, 81)
    large: Any = {"Bucket": bucket, "Key": "large"}
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=large)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part: dict[str, Any] = {"Bucket": bucket, "Key": "k", "UploadId": upload, "PartNumber": 1}
    with refused("InvalidRequest", 400):
        s3.upload_part_copy(**part, CopySource=large)
    s3.upload_part_copy(**part, CopySource=large, CopySourceRange=f"bytes=0-{64 * MIB - 1}")


def test_of_many_copies_to_one_key_at_once_exactly_one_wins(
    s3: S3Client, bucket: str, source: Any
) -> None:
    def create(_: int) -> str:
        try:
            s3.copy_object(Bucket=bucket, Key="k", CopySource=source, IfNoneMatch="*")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(8) as workers:
        ends = sorted(workers.map(create, range(8)))
    assert ends == ["PreconditionFailed"] * 7 + ["won"]


def test_others_are_served_while_a_copy_is_counted(s3: S3Client, bucket: str) -> None:
    piece: Any = {"Bucket": bucket, "Key": "piece"}
    s3.put_object(**piece, Body=bytes(64 * MIB))
    assembled(s3, bucket, "large", piece, 6)
    large: Any = {"Bucket": bucket, "Key": "large"}

    def copy() -> None:
        s3.copy_object(Bucket=bucket, Key="k", CopySource=large)

    assert served_during(copy, s3, piece) > 10
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == md5(bytes(384 * MIB))
    assert served_during(copy, s3, piece) < 10


def served_during(call: Callable[[], None], s3: S3Client, where: Any) -> int:
    """How many requests for an object are answered before `call` is."""
    calling = threading.Thread(target=call)
    calling.start()
    served = 0
    while calling.is_alive():
        s3.head_object(**where)
        served += 1
    calling.join()
    return served
