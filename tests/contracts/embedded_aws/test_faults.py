"""Faults ordered over HTTP happen as often, and as late, as they were ordered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def fault(aws_endpoint: str) -> Iterator[Callable[..., None]]:
    def order(**fields: Any) -> None:
        httpx.post(f"{aws_endpoint}/_faults", json=fields).raise_for_status()

    yield order
    httpx.delete(f"{aws_endpoint}/_faults").raise_for_status()


def test_a_call_is_refused_as_often_as_ordered(s3: S3Client, bucket: str, fault: Any) -> None:
    fault(service="s3", operation="PutObject", status=503, code="SlowDown", times=2)
    for _ in range(2):
        with refused("SlowDown", 503):
            s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.list_objects_v2(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")


def test_a_fault_can_be_for_one_key_and_for_a_later_call(
    s3: S3Client, bucket: str, fault: Any
) -> None:
    fault(service="s3", operation="PutObject", key="bad", skip=1)
    s3.put_object(Bucket=bucket, Key="good", Body=b"x")
    s3.put_object(Bucket=bucket, Key="bad/1", Body=b"x")
    with refused("InternalError", 500):
        s3.put_object(Bucket=bucket, Key="bad/2", Body=b"x")
    s3.put_object(Bucket=bucket, Key="bad/2", Body=b"x", IfNoneMatch="*")


def test_an_answer_can_be_lost_after_the_effect(s3: S3Client, bucket: str, fault: Any) -> None:
    fault(service="s3", operation="PutObject", after=True)
    with refused("InternalError", 500):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")


def test_a_connection_can_end_without_an_answer(s3: S3Client, bucket: str, fault: Any) -> None:
    fault(service="s3", operation="PutObject", drop=True, after=True)
    with pytest.raises((ConnectionClosedError, BotoCoreError)) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert not isinstance(caught.value, ClientError)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_a_success_can_carry_an_error(s3: S3Client, bucket: str, fault: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    fault(service="s3", operation="CopyObject", status=200, code="InternalError")
    # botocore knows this answer of S3, and makes a 500 of it.
    with refused("InternalError", 500):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="copy")


def test_a_finished_upload_can_be_forgotten(s3: S3Client, bucket: str, fault: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    etag = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    name = "CompleteMultipartUpload"
    fault(service="s3", operation=name, after=True)
    fault(service="s3", operation=name, status=404, code="NoSuchUpload")
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    for code, status in (("InternalError", 500), ("NoSuchUpload", 404)):
        with refused(code, status):
            s3.complete_multipart_upload(
                Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts
            )
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_the_other_services_fail_in_their_own_way(
    dynamodb: DynamoDBClient, sqs: SQSClient, fault: Any
) -> None:
    reasons = [{"Code": "TransactionConflict"}]
    fault(
        service="dynamodb",
        operation="TransactWriteItems",
        key="courses",
        status=400,
        code="TransactionCanceledException",
        extra={"CancellationReasons": reasons},
    )
    put: Any = {"Put": {"TableName": "courses", "Item": {"pk": {"S": "x"}}}}
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_write_items(TransactItems=[put])
    assert caught.value.response["CancellationReasons"] == reasons
    fault(service="sqs", status=403, code="RequestThrottled")
    with refused("RequestThrottled", 403):
        sqs.list_queues()


def test_a_fault_can_be_taken_back(s3: S3Client, aws_endpoint: str, fault: Any) -> None:
    fault(service="s3", times=1000)
    httpx.delete(f"{aws_endpoint}/_faults").raise_for_status()
    s3.list_buckets()


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"service": "s3", "unknown": 1}', 400),
        ("application/json", b'{"service": "ec2"}', 400),
        ("application/json", b"{", 400),
        ("text/plain", b'{"service": "s3"}', 415),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    aws_endpoint: str, content_type: str, body: bytes, status: int
) -> None:
    answer = httpx.post(
        f"{aws_endpoint}/_faults", content=body, headers={"content-type": content_type}
    )
    assert answer.status_code == status
