"""Objects in archive classes: they must be restored before they can be read or copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def restores_take(aws_endpoint: str) -> Iterator[Any]:
    def order(seconds: float) -> None:
        httpx.post(f"{aws_endpoint}/_restores", json={"seconds": seconds}).raise_for_status()

    yield order
    order(0)


@pytest.fixture
def cold(s3: S3Client, bucket: str) -> dict[str, Any]:
    s3.put_object(Bucket=bucket, Key="cold", Body=b"bytes", StorageClass="DEEP_ARCHIVE")
    return {"Bucket": bucket, "Key": "cold"}


def test_what_is_not_restored_is_neither_read_nor_copied(
    s3: S3Client, bucket: str, cold: Any
) -> None:
    with refused("InvalidObjectState", 403):
        s3.get_object(**cold)
    with refused("InvalidObjectState", 403):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=cold)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    with refused("InvalidObjectState", 403):
        s3.upload_part_copy(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, CopySource=cold)
    assert s3.head_object(**cold)["StorageClass"] == "DEEP_ARCHIVE"


def test_a_second_restore_is_refused_while_the_first_runs(
    s3: S3Client, cold: Any, restores_take: Any
) -> None:
    restores_take(3600)
    answer = s3.restore_object(**cold, RestoreRequest={"Days": 1})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    with refused("RestoreAlreadyInProgress", 409):
        s3.restore_object(**cold, RestoreRequest={"Days": 1})
    assert s3.head_object(**cold)["Restore"] == 'ongoing-request="true"'
    with refused("InvalidObjectState", 403):
        s3.get_object(**cold)
    assert restore_status(s3, cold["Bucket"])["IsRestoreInProgress"] is True


def test_what_is_restored_can_be_read_and_copied(
    s3: S3Client, bucket: str, cold: Any, restores_take: Any
) -> None:
    restores_take(0)
    s3.restore_object(**cold, RestoreRequest={"Days": 1})
    # The first look moves the restore from begun to done.
    s3.head_object(**cold)
    assert 'ongoing-request="false"' in s3.head_object(**cold)["Restore"]
    assert s3.get_object(**cold)["Body"].read() == b"bytes"
    s3.copy_object(Bucket=bucket, Key="k", CopySource=cold, StorageClass="STANDARD")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"bytes"
    status = restore_status(s3, bucket)
    assert status["IsRestoreInProgress"] is False
    assert "RestoreExpiryDate" in status


def restore_status(s3: S3Client, bucket: str) -> Any:
    page = s3.list_objects_v2(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])
    return next(entry for entry in page["Contents"] if entry["Key"] == "cold")["RestoreStatus"]
