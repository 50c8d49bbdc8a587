"""Multipart uploads: their checksums, what a completion refuses, and what can be listed."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from awscrt import checksums as crt
from botocore.config import Config

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024
FIRST, SECOND = os.urandom(5 * MIB), os.urandom(1 * MIB)
WHOLE = FIRST + SECOND
CRC64 = base64.b64encode(crt.crc64nvme(WHOLE).to_bytes(8, "big")).decode()


def uploaded(s3: S3Client, bucket: str, key: str = "k", **created: Any) -> tuple[str, list[Any]]:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **created)["UploadId"]
    parts: list[Any] = []
    algorithm = created.get("ChecksumAlgorithm")
    how = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    for number, body in enumerate((FIRST, SECOND), start=1):
        where: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": upload}
        answer = s3.upload_part(**where, PartNumber=number, Body=body, **how)
        found = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        parts.append({"PartNumber": number, "ETag": answer["ETag"], **found})
    return upload, parts


def complete(s3: S3Client, bucket: str, upload: str, parts: list[Any], **more: Any) -> Any:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    return s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, **more)


def test_the_declared_checksum_of_the_whole_is_kept(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT")
    answer = complete(
        s3, bucket, upload, parts, ChecksumCRC64NVME=CRC64, ChecksumType="FULL_OBJECT"
    )
    assert (answer["ChecksumCRC64NVME"], answer["ChecksumType"]) == (CRC64, "FULL_OBJECT")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (CRC64, "FULL_OBJECT")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == WHOLE


def test_a_wrong_checksum_of_the_whole_is_refused_and_the_upload_stays(
    s3: S3Client, bucket: str
) -> None:
    upload, parts = uploaded(s3, bucket, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT")
    wrong = base64.b64encode(bytes(8)).decode()
    with refused("BadDigest", 400):
        complete(s3, bucket, upload, parts, ChecksumCRC64NVME=wrong, ChecksumType="FULL_OBJECT")
    assert len(s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]) == 2
    complete(s3, bucket, upload, parts, ChecksumCRC64NVME=CRC64, ChecksumType="FULL_OBJECT")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C"])
def test_a_whole_checksum_can_be_had_of_every_crc(
    s3: S3Client, bucket: str, algorithm: Any
) -> None:
    upload, parts = uploaded(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    complete(s3, bucket, upload, parts)
    count = {"CRC32": crt.crc32, "CRC32C": crt.crc32c}[algorithm]
    head: Any = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert base64.b64decode(head[f"Checksum{algorithm}"]) == count(WHOLE).to_bytes(4, "big")


def test_sha256_of_an_upload_is_counted_over_the_parts(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket, ChecksumAlgorithm="SHA256")
    complete(s3, bucket, upload, parts)
    digests = hashlib.sha256(FIRST).digest() + hashlib.sha256(SECOND).digest()
    expected = base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-2"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (expected, "COMPOSITE")
    body = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (body["ChecksumSHA256"], body["ChecksumType"]) == (expected, "COMPOSITE")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])
    assert attributes["Checksum"]["ChecksumSHA256"] == expected


def test_sha256_of_the_whole_cannot_be_ordered(s3: S3Client, bucket: str) -> None:
    with refused("InvalidRequest", 400):
        s3.create_multipart_upload(
            Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT"
        )


def test_the_etag_of_an_upload_is_counted_over_the_parts(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket)
    etag = complete(s3, bucket, upload, parts)["ETag"]
    md5 = hashlib.md5(usedforsecurity=False)
    for body in (FIRST, SECOND):
        md5.update(hashlib.md5(body, usedforsecurity=False).digest())
    assert etag == f'"{md5.hexdigest()}-2"'


def test_a_part_with_another_algorithm_than_the_uploads_is_refused(
    s3: S3Client, bucket: str
) -> None:
    created = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")
    with refused("InvalidRequest", 400):
        s3.upload_part(
            Bucket=bucket,
            Key="k",
            UploadId=created["UploadId"],
            PartNumber=1,
            Body=FIRST,
            ChecksumAlgorithm="CRC32",
        )


@pytest.fixture
def undeclaring(session: boto3.Session, aws_endpoint: str) -> S3Client:
    """A client that declares no checksum of what it sends."""
    config = Config(request_checksum_calculation="when_required")
    return session.client("s3", endpoint_url=aws_endpoint, config=config)


def test_where_parts_are_counted_each_must_declare_its_checksum(
    undeclaring: S3Client, bucket: str
) -> None:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
    created = undeclaring.create_multipart_upload(**where, ChecksumAlgorithm="SHA256")
    where["UploadId"] = created["UploadId"]
    with refused("InvalidRequest", 400):
        undeclaring.upload_part(**where, PartNumber=1, Body=FIRST)


def test_where_the_whole_is_counted_no_part_need_declare_its_checksum(
    undeclaring: S3Client, bucket: str
) -> None:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
    upload = undeclaring.create_multipart_upload(
        **where, ChecksumAlgorithm="CRC32C", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    parts = []
    for number, body in enumerate((FIRST, SECOND), start=1):
        part = undeclaring.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    answer: Any = complete(undeclaring, bucket, upload, parts)
    assert base64.b64decode(answer["ChecksumCRC32C"]) == crt.crc32c(WHOLE).to_bytes(4, "big")


def test_a_completion_must_list_what_was_uploaded(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket)
    with refused("InvalidPartOrder", 400):
        complete(s3, bucket, upload, parts[::-1])
    with refused("InvalidPart", 400):
        complete(s3, bucket, upload, [*parts, {"PartNumber": 3, "ETag": parts[0]["ETag"]}])
    with refused("InvalidPart", 400):
        complete(s3, bucket, upload, [{**parts[0], "ETag": parts[1]["ETag"]}])
    wrong = base64.b64encode(bytes(4)).decode()
    with refused("InvalidPart", 400):
        complete(s3, bucket, upload, [{**parts[0], "ChecksumCRC32": wrong}])
    with refused("InvalidRequest", 400):
        complete(s3, bucket, upload, parts, MpuObjectSize=1)


def test_only_the_last_part_may_be_small(s3: S3Client, bucket: str) -> None:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    etags = [
        s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=b"small")["ETag"]
        for number in (1, 2)
    ]
    with refused("EntityTooSmall", 400):
        complete(
            s3, bucket, upload, [{"PartNumber": n, "ETag": e} for n, e in enumerate(etags, start=1)]
        )


def test_an_unknown_upload_is_refused_everywhere(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket)
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    where: dict[str, Any] = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    with refused("NoSuchUpload", 404):
        complete(s3, bucket, upload, parts)
    with refused("NoSuchUpload", 404):
        s3.upload_part(**where, PartNumber=1, Body=b"x")
    with refused("NoSuchUpload", 404):
        s3.list_parts(**where)
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(**where)


def test_a_repeated_completion_answers_the_same(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket)
    first = complete(s3, bucket, upload, parts, IfNoneMatch="*")
    again = complete(s3, bucket, upload, parts, IfNoneMatch="*")
    assert first["ETag"] == again["ETag"]


def test_a_completion_does_not_replace_where_it_must_not(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    with refused("PreconditionFailed", 412):
        complete(s3, bucket, upload, parts, IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_a_completion_replaces_only_the_etag_it_names(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket)
    with refused("NoSuchKey", 404):
        complete(s3, bucket, upload, parts, IfMatch='"0123"')
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
    with refused("PreconditionFailed", 412):
        complete(s3, bucket, upload, parts, IfMatch='"0123"')
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"
    complete(s3, bucket, upload, parts, IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == WHOLE


def test_parts_are_listed_by_number_with_their_checksums(s3: S3Client, bucket: str) -> None:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
    created = s3.create_multipart_upload(**where, ChecksumAlgorithm="SHA256")
    where["UploadId"] = created["UploadId"]
    for number in (7, 2, 5):
        s3.upload_part(**where, PartNumber=number, Body=b"x", ChecksumAlgorithm="SHA256")
    page = s3.list_parts(**where, MaxParts=2)
    rest = s3.list_parts(**where, PartNumberMarker=page["NextPartNumberMarker"])
    assert [part["PartNumber"] for part in page["Parts"] + rest["Parts"]] == [2, 5, 7]
    assert (page["IsTruncated"], rest["IsTruncated"]) == (True, False)
    expected = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    assert {part["ChecksumSHA256"] for part in page["Parts"]} == {expected}


def test_uploads_are_listed_by_prefix_and_age_in_pages(s3: S3Client, bucket: str) -> None:
    keys = ["a/1", "a/1", "a/2", "b/1"]
    ids = [s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in keys]
    listed: list[str] = []
    markers: dict[str, Any] = {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, Prefix="a/", MaxUploads=1, **markers)
        listed += [upload["UploadId"] for upload in page["Uploads"]]
        assert page["Uploads"][0]["Initiated"].year >= 2024
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert sorted(listed) == sorted(ids[:3])
    assert listed[2] == ids[2]


def test_one_part_of_an_uploaded_object_can_be_read(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket)
    complete(s3, bucket, upload, parts)
    answer = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (answer["Body"].read(), answer["PartsCount"]) == (SECOND, 2)


def test_a_range_may_span_parts(s3: S3Client, bucket: str) -> None:
    upload, parts = uploaded(s3, bucket)
    complete(s3, bucket, upload, parts)
    span = f"bytes={len(FIRST) - 10}-{len(FIRST) + 9}"
    answer = s3.get_object(Bucket=bucket, Key="k", Range=span)
    assert answer["Body"].read() == WHOLE[len(FIRST) - 10 : len(FIRST) + 10]
    assert answer["ContentRange"].endswith(f"/{len(WHOLE)}")
