"""What S3 does with declared checksums: it counts for itself, refuses, keeps and reports."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import obstore
import pytest
from awscrt import checksums as crt
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from obstore.store import S3Store

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = b"The quick brown fox jumps over the lazy dog" * 500
COUNTED = {
    "CRC32": zlib.crc32(BODY).to_bytes(4, "big"),
    "CRC32C": crt.crc32c(BODY).to_bytes(4, "big"),
    "CRC64NVME": crt.crc64nvme(BODY).to_bytes(8, "big"),
    "SHA1": hashlib.sha1(BODY, usedforsecurity=False).digest(),
    "SHA256": hashlib.sha256(BODY).digest(),
}


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def other(digest: bytes) -> str:
    """Of the same length, and wrong."""
    return encoded(bytes([digest[0] ^ 1]) + digest[1:])


@pytest.mark.parametrize("algorithm", COUNTED)
def test_a_right_checksum_is_kept_and_reported(s3: S3Client, bucket: str, algorithm: str) -> None:
    right: dict[str, Any] = {f"Checksum{algorithm}": encoded(COUNTED[algorithm])}
    answer = s3.put_object(Bucket=bucket, Key="k", Body=BODY, **right)
    assert answer[f"Checksum{algorithm}"] == encoded(COUNTED[algorithm])  # type: ignore[literal-required]  # One of the five.
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == encoded(COUNTED[algorithm])  # type: ignore[literal-required]  # One of the five.
    assert head["ChecksumType"] == "FULL_OBJECT"
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])
    assert attributes["Checksum"] == {
        f"Checksum{algorithm}": encoded(COUNTED[algorithm]),
        "ChecksumType": "FULL_OBJECT",
    }


@pytest.mark.parametrize("algorithm", COUNTED)
def test_a_wrong_checksum_is_refused_and_nothing_is_stored(
    s3: S3Client, bucket: str, algorithm: str
) -> None:
    wrong: dict[str, Any] = {f"Checksum{algorithm}": other(COUNTED[algorithm])}
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=BODY, **wrong)
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("algorithm", COUNTED)
def test_a_wrong_checksum_of_a_part_is_refused(s3: S3Client, bucket: str, algorithm: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    wrong: dict[str, Any] = {f"Checksum{algorithm}": other(COUNTED[algorithm])}
    with refused("BadDigest", 400):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=BODY, **wrong)
    assert "Parts" not in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)


def test_content_md5_is_checked(s3: S3Client, bucket: str) -> None:
    right = hashlib.md5(BODY, usedforsecurity=False).digest()
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentMD5=other(right))
    with refused("InvalidDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentMD5="nonsense")
    answer = s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentMD5=encoded(right))
    assert answer["ETag"] == f'"{right.hex()}"'


def test_a_value_that_is_no_checksum_is_refused(s3: S3Client, bucket: str) -> None:
    with refused("InvalidRequest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumSHA256="c2hvcnQ=")


def test_two_checksums_are_refused(s3: S3Client, bucket: str) -> None:
    with refused("InvalidRequest", 400):
        s3.put_object(
            Bucket=bucket,
            Key="k",
            Body=BODY,
            ChecksumSHA256=encoded(COUNTED["SHA256"]),
            ChecksumCRC32=encoded(COUNTED["CRC32"]),
        )


def test_s3_counts_crc64nvme_where_nothing_is_declared(
    s3: S3Client, store: S3Store, bucket: str
) -> None:
    obstore.put(store, "k", BODY)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] == encoded(COUNTED["CRC64NVME"])


def test_a_checksum_is_reported_only_where_asked_for(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumAlgorithm="SHA256")
    assert "ChecksumSHA256" not in s3.head_object(Bucket=bucket, Key="k")


def test_a_bare_checksum_header_is_kept(s3: S3Client, aws_endpoint: str, bucket: str) -> None:
    """obstore sends it so, and without the header that names the algorithm."""
    wrong = _put(f"{aws_endpoint}/{bucket}/k", {"x-amz-checksum-sha256": other(COUNTED["SHA256"])})
    assert (wrong.status_code, "<Code>BadDigest</Code>" in wrong.text) == (400, True)
    right = _put(
        f"{aws_endpoint}/{bucket}/k", {"x-amz-checksum-sha256": encoded(COUNTED["SHA256"])}
    )
    assert right.headers["x-amz-checksum-sha256"] == encoded(COUNTED["SHA256"])
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (
        encoded(COUNTED["SHA256"]),
        "FULL_OBJECT",
    )


def test_obstores_own_sha256_is_kept(s3: S3Client, aws_endpoint: str, bucket: str) -> None:
    store = S3Store(
        bucket,
        endpoint=aws_endpoint,
        region="us-east-1",
        access_key_id="test",
        secret_access_key="test",
        virtual_hosted_style_request=False,
        checksum_algorithm="SHA256",
        client_options={"allow_http": True},
    )
    obstore.put(store, "k", BODY)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == encoded(COUNTED["SHA256"])


@pytest.mark.parametrize("algorithm", ["SHA256", "CRC32C"])
def test_a_streamed_body_with_a_trailing_checksum_is_stored(
    s3: S3Client, bucket: str, algorithm: Any
) -> None:
    """boto3 sends a file of unknown content in chunks, with the checksum behind them."""
    body = os.urandom(3_000_000)
    s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(body), ChecksumAlgorithm=algorithm)
    answer = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert answer["Body"].read() == body
    assert f"Checksum{algorithm}" in answer
    assert "aws-chunked" not in answer.get("ContentEncoding", "")


def test_a_wrong_trailing_checksum_is_refused(s3: S3Client, aws_endpoint: str, bucket: str) -> None:
    chunks = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n"
    trailer = f"x-amz-checksum-sha256:{other(COUNTED['SHA256'])}\r\n\r\n".encode()
    answer = _put(
        f"{aws_endpoint}/{bucket}/k",
        {
            "content-encoding": "aws-chunked",
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": str(len(BODY)),
            "x-amz-trailer": "x-amz-checksum-sha256",
        },
        chunks + trailer,
    )
    assert (answer.status_code, "<Code>BadDigest</Code>" in answer.text) == (400, True)


def test_a_copy_keeps_the_algorithm_or_takes_the_wanted_one(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumAlgorithm="SHA256")
    source = {"Bucket": bucket, "Key": "k"}
    kept = s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)  # type: ignore[arg-type]  # A plain mapping does.
    assert kept["CopyObjectResult"]["ChecksumSHA256"] == encoded(COUNTED["SHA256"])
    s3.copy_object(Bucket=bucket, Key="other", CopySource=source, ChecksumAlgorithm="CRC32C")  # type: ignore[arg-type]  # A plain mapping does.
    head = s3.head_object(Bucket=bucket, Key="other", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32C"] == encoded(COUNTED["CRC32C"])
    assert "ChecksumSHA256" not in head


def _put(url: str, headers: dict[str, str], body: bytes = BODY) -> httpx.Response:
    """Signed as S3 wants it, with exactly these headers."""
    request = AWSRequest("PUT", url, headers=headers, data=body)
    SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    return httpx.put(url, headers=dict(request.headers.items()) | headers, content=body)
