"""Buckets of several regions behind one address, and roles to reach them in."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import obstore
import pytest
from botocore.config import Config
from obstore.store import S3Store

from tests.contracts.embedded_aws.conftest import ONE_TRY
from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROLE = "arn:aws:iam::210987654321:role/copies"


@pytest.fixture
def there(session: boto3.Session, aws_endpoint: str) -> S3Client:
    """A client in a region that is not the others'."""
    return session.client(
        "s3",
        endpoint_url=aws_endpoint,
        region_name="eu-west-1",
        config=Config(signature_version="s3v4"),
    )


@pytest.fixture
def far_bucket(there: S3Client) -> str:
    name = f"bucket-{uuid.uuid4().hex}"
    region: Any = {"LocationConstraint": "eu-west-1"}
    there.create_bucket(Bucket=name, CreateBucketConfiguration=region)
    there.put_object(Bucket=name, Key="k", Body=b"bytes")
    return name


@pytest.fixture
def sts(session: boto3.Session, aws_endpoint: str) -> Any:
    return session.client("sts", endpoint_url=aws_endpoint, config=ONE_TRY)


def test_a_bucket_of_another_region_says_where_it_is(
    session: boto3.Session, aws_endpoint: str, there: S3Client, far_bucket: str
) -> None:
    signing = Config(signature_version="s3v4")
    here = session.client("s3", endpoint_url=aws_endpoint, config=signing)
    for call, params in (
        ("get_object", {"Bucket": far_bucket, "Key": "k"}),
        ("put_object", {"Bucket": far_bucket, "Key": "k"}),
        ("list_objects_v2", {"Bucket": far_bucket}),
    ):
        method = "PUT" if call == "put_object" else "GET"
        answer = httpx.request(method, here.generate_presigned_url(call, Params=params))
        told = (answer.status_code, answer.headers["x-amz-bucket-region"])
        assert (*told, "<Code>PermanentRedirect</Code>" in answer.text) == (301, "eu-west-1", True)
    address = there.generate_presigned_url("get_object", Params={"Bucket": far_bucket, "Key": "k"})
    assert httpx.get(address).content == b"bytes"


def test_boto_finds_a_bucket_of_another_region(s3: S3Client, far_bucket: str) -> None:
    head = s3.head_bucket(Bucket=far_bucket)
    assert head["BucketRegion"] == "eu-west-1"
    assert s3.get_bucket_location(Bucket=far_bucket)["LocationConstraint"] == "eu-west-1"
    assert s3.get_object(Bucket=far_bucket, Key="k")["Body"].read() == b"bytes"


def test_a_client_that_is_bound_to_its_region_does_not(aws_endpoint: str, far_bucket: str) -> None:
    def reads_in(region: str) -> bytes:
        store = S3Store(
            far_bucket,
            endpoint=aws_endpoint,
            region=region,
            access_key_id="test",
            secret_access_key="test",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        return bytes(obstore.get(store, "k").bytes())

    assert reads_in("eu-west-1") == b"bytes"
    with pytest.raises(obstore.exceptions.BaseError, match="redirect"):
        reads_in("us-east-1")


def test_objects_are_copied_from_another_region(
    s3: S3Client, there: S3Client, bucket: str, far_bucket: str
) -> None:
    source: Any = {"Bucket": bucket, "Key": "source"}
    s3.put_object(**source, Body=b"from afar")
    there.copy_object(Bucket=far_bucket, Key="copy", CopySource=source)
    assert there.get_object(Bucket=far_bucket, Key="copy")["Body"].read() == b"from afar"


def test_a_role_reads_and_writes_what_its_session_gives(
    sts: Any, aws_endpoint: str, bucket: str, s3: S3Client
) -> None:
    given = sts.assume_role(RoleArn=ROLE, RoleSessionName="session", DurationSeconds=900)
    keys = given["Credentials"]
    session = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name="us-east-1",
    )
    in_role = session.client("s3", endpoint_url=aws_endpoint, config=ONE_TRY)
    in_role.put_object(Bucket=bucket, Key="k", Body=b"bytes")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"bytes"
    caller = session.client("sts", endpoint_url=aws_endpoint).get_caller_identity()
    assert (caller["Account"], "assumed-role/copies" in caller["Arn"]) == ("210987654321", True)


def test_a_role_can_be_refused(sts: Any, aws_endpoint: str) -> None:
    fault = {"service": "sts", "operation": "AssumeRole", "status": 403, "code": "AccessDenied"}
    httpx.post(f"{aws_endpoint}/_faults", json=fault).raise_for_status()
    assert sts.get_caller_identity()["Account"] == "123456789012"
    with refused("AccessDenied", 403):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="session")
    sts.assume_role(RoleArn=ROLE, RoleSessionName="session")
