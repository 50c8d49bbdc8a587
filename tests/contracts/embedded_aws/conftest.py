"""Clients of the embedded AWS as any program makes them, and a bucket of each test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config
from obstore.store import S3Store

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ONE_TRY = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    return boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )


@pytest.fixture(scope="session")
def s3(session: boto3.Session, aws_endpoint: str) -> S3Client:
    return session.client("s3", endpoint_url=aws_endpoint, config=ONE_TRY)


@pytest.fixture(scope="session")
def sqs(session: boto3.Session, aws_endpoint: str) -> SQSClient:
    return session.client("sqs", endpoint_url=aws_endpoint, config=ONE_TRY)


@pytest.fixture(scope="session")
def dynamodb(session: boto3.Session, aws_endpoint: str) -> DynamoDBClient:
    return session.client("dynamodb", endpoint_url=aws_endpoint, config=ONE_TRY)


@pytest.fixture
def bucket(s3: S3Client) -> str:
    name = f"bucket-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned_bucket(s3: S3Client, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def store(aws_endpoint: str, bucket: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=aws_endpoint,
        region="us-east-1",
        access_key_id="test",
        secret_access_key="test",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )


@pytest.fixture
def ordered(aws_endpoint: str) -> Iterator[Callable[..., httpx.Response]]:
    """Sends an order to the embedded AWS itself; restores take no time again afterwards."""

    def send(path: str, **fields: Any) -> httpx.Response:
        return httpx.post(f"{aws_endpoint}/{path}", json=fields)

    yield send
    send("_restores").raise_for_status()


@pytest.fixture
def order(ordered: Callable[..., httpx.Response]) -> Callable[..., Any]:
    """The same, for an order that must be taken; gives what the answer holds."""

    def send(path: str, **fields: Any) -> Any:
        answer = ordered(path, **fields).raise_for_status()
        return answer.json() if answer.content else None

    return send
