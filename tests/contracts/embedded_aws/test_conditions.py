"""Conditional writes, copies, and keys that S3 refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import obstore
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT_ONCE = 12


def test_of_many_creating_at_once_exactly_one_wins(store: S3Store) -> None:
    def create(number: int) -> bool:
        try:
            obstore.put(store, "k", f"{number}".encode(), mode="create")
        except AlreadyExistsError:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as workers:
        won = list(workers.map(create, range(AT_ONCE)))
    assert sum(won) == 1
    assert bytes(obstore.get(store, "k").bytes()) == f"{won.index(True)}".encode()


def test_of_many_completions_at_once_exactly_one_wins(s3: S3Client, bucket: str) -> None:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
    uploads = [s3.create_multipart_upload(**where)["UploadId"] for _ in range(AT_ONCE)]
    etags = [
        s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=upload.encode())["ETag"]
        for upload in uploads
    ]

    def complete(upload: str, etag: str) -> str:
        parts: Any = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        try:
            s3.complete_multipart_upload(
                **where, UploadId=upload, MultipartUpload=parts, IfNoneMatch="*"
            )
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(AT_ONCE) as workers:
        ends = list(workers.map(complete, uploads, etags))
    assert sorted(ends) == ["PreconditionFailed"] * (AT_ONCE - 1) + ["won"]
    assert s3.get_object(**where)["Body"].read() == uploads[ends.index("won")].encode()


def test_a_put_replaces_only_the_etag_it_names(s3: S3Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfMatch='"0123"')
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="absent", Body=b"x", IfMatch=etag)
    s3.put_object(Bucket=bucket, Key="k", Body=b"second", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"


def test_of_many_replacing_at_once_exactly_one_wins(s3: S3Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]

    def replace(number: int) -> str:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=f"{number}".encode(), IfMatch=etag)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(AT_ONCE) as workers:
        ends = list(workers.map(replace, range(AT_ONCE)))
    assert sorted(ends) == ["PreconditionFailed"] * (AT_ONCE - 1) + ["won"]
    won = f"{ends.index('won')}".encode()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == won


def test_behind_a_delete_marker_there_is_nothing_to_replace(
    s3: S3Client, versioned_bucket: str
) -> None:
    where: Any = {"Bucket": versioned_bucket, "Key": "k"}
    etag = s3.put_object(**where, Body=b"first")["ETag"]
    s3.delete_object(**where)
    with refused("NoSuchKey", 404):
        s3.put_object(**where, Body=b"x", IfMatch=etag)
    source: Any = {"Bucket": versioned_bucket, "Key": "source"}
    s3.put_object(**source, Body=b"new")
    with refused("NoSuchKey", 404):
        s3.copy_object(**where, CopySource=source, IfMatch=etag)


def test_behind_a_delete_marker_a_key_can_be_created(s3: S3Client, versioned_bucket: str) -> None:
    s3.put_object(Bucket=versioned_bucket, Key="k", Body=b"first")
    s3.delete_object(Bucket=versioned_bucket, Key="k")
    s3.put_object(Bucket=versioned_bucket, Key="k", Body=b"second", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=versioned_bucket, Key="k", Body=b"third", IfNoneMatch="*")


def test_a_copy_does_not_replace_where_it_must_not(s3: S3Client, bucket: str) -> None:
    source: Any = {"Bucket": bucket, "Key": "source"}
    s3.put_object(**source, Body=b"new")
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source, IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source, IfMatch='"0123"')
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, IfMatch=etag)
    s3.copy_object(Bucket=bucket, Key="other", CopySource=source, IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_a_copy_takes_only_the_source_it_names(s3: S3Client, bucket: str) -> None:
    source: Any = {"Bucket": bucket, "Key": "source"}
    etag = s3.put_object(**source, Body=b"bytes")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source, CopySourceIfMatch='"0123"')
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, CopySourceIfMatch=etag)
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "absent"})


def test_a_copied_part_takes_only_the_source_it_names(s3: S3Client, bucket: str) -> None:
    source: Any = {"Bucket": bucket, "Key": "source"}
    etag = s3.put_object(**source, Body=b"0123456789")["ETag"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part: dict[str, Any] = {
        "Bucket": bucket,
        "Key": "k",
        "UploadId": upload,
        "PartNumber": 1,
        "CopySource": source,
    }
    with refused("PreconditionFailed", 412):
        s3.upload_part_copy(**part, CopySourceIfMatch='"0123"')
    with refused("InvalidArgument", 400):
        s3.upload_part_copy(**part, CopySourceRange="bytes=2-10")
    copied = s3.upload_part_copy(**part, CopySourceIfMatch=etag, CopySourceRange="bytes=2-5")
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2345"


def test_a_copy_outlives_its_source(s3: S3Client, bucket: str) -> None:
    body = bytes(range(256)) * 1000
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "source"})
    s3.delete_object(Bucket=bucket, Key="source")
    s3.put_object(Bucket=bucket, Key="source", Body=b"another")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


@pytest.mark.parametrize("letter", ["k", "é", "中"])
def test_a_key_has_at_most_1024_bytes(s3: S3Client, bucket: str, letter: str) -> None:
    longest = letter * (1024 // len(letter.encode()))
    s3.put_object(Bucket=bucket, Key=longest, Body=b"x")
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == longest
    with refused("KeyTooLongError", 400):
        s3.put_object(Bucket=bucket, Key=longest + letter, Body=b"x")
    with refused("KeyTooLongError", 400):
        s3.create_multipart_upload(Bucket=bucket, Key=longest + letter)


@pytest.mark.parametrize(
    "key", ["a b+c%2Fd", "e\u0301/\u00e9", "..%/.", "~;,=&?#", "a//b", "\U0001f600", "a\u2028b"]
)
def test_keys_stay_as_they_are(s3: S3Client, store: S3Store, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


def test_a_signed_address_ends_when_it_says(
    session: boto3.Session, aws_endpoint: str, bucket: str
) -> None:
    signing = Config(signature_version="s3v4")
    s3 = session.client("s3", endpoint_url=aws_endpoint, config=signing)
    s3.put_object(Bucket=bucket, Key="k", Body=b"bytes")
    address = s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60
    )
    assert httpx.get(address).content == b"bytes"
    over = httpx.URL(address).copy_merge_params({"X-Amz-Expires": "-1"})
    answer = httpx.get(over)
    assert (answer.status_code, "Request has expired" in answer.text) == (403, True)
