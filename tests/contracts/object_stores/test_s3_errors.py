"""S3's errors: which are outages, which refusals; each says where, and none shows a secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.errors import StorageRefused, StorageUnavailable
from tests.contracts.object_stores.buckets import PREFIX, S3Buckets, content_of, create
from tests.contracts.object_stores.meddling_proxy import SECRET, Answer, Proxy, error_answer

FAST = PREFIX + "assets/fast"


@pytest.fixture
def bucket(bucket_on_the_line: S3Buckets) -> S3Buckets:
    return bucket_on_the_line


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "InvalidAccessKeyId", StorageRefused),
        (403, "SignatureDoesNotMatch", StorageRefused),
        (403, "AccessDenied", StorageRefused),
        (404, "NoSuchBucket", StorageRefused),
        (400, "KMS.DisabledException", StorageRefused),
        (301, "PermanentRedirect", StorageRefused),
        (501, "NotImplemented", StorageRefused),
        (400, "ExpiredToken", StorageUnavailable),
        (400, "KMS.ThrottlingException", StorageUnavailable),
        (409, "OperationAborted", StorageUnavailable),
        (502, "BadGateway", StorageUnavailable),
        (503, "SlowDown", StorageUnavailable),
    ],
)
def test_every_error_says_where_and_shows_no_secret(
    bucket: S3Buckets, line: Proxy, status: int, code: str, error: type[Exception]
) -> None:
    line.on_request = lambda request: replace(request, method="GET", path="/")
    line.on_answer = lambda request, answer: (
        error_answer(status, code) if request.method != "HEAD" else replace(answer, status=404)
    )

    with pytest.raises(error) as raised:
        create(bucket, FAST, b"hello")

    sentence = str(raised.value)
    assert code in sentence or status == 502
    assert repr(FAST) in sentence
    assert repr(bucket.name) in sentence
    assert SECRET not in sentence
    assert "Signature=" not in sentence
    assert "http" not in sentence


def test_an_unreachable_server_is_an_outage(clients: S3Clients, unused_port: int) -> None:
    session = boto3.Session("local", SECRET, region_name="us-east-1")
    nowhere = S3Clients(session, endpoint_url=f"http://127.0.0.1:{unused_port}", attempts=1)
    bucket = S3Buckets(nowhere, clients.boto, is_versioned=False)

    with pytest.raises(StorageUnavailable):
        create(bucket, FAST, b"hello")
    with pytest.raises(StorageUnavailable):
        content_of(bucket, FAST)
    with pytest.raises(StorageUnavailable):
        bucket.writer.open_upload(FAST, content_type="text/plain")
    with pytest.raises(StorageUnavailable):
        bucket.eraser.erase(PREFIX)


def test_missing_credentials_are_a_refusal(
    s3_url: str, clients: S3Clients, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    nobody = S3Clients(boto3.Session(region_name="us-east-1"), endpoint_url=s3_url)
    bucket = S3Buckets(nobody, clients.boto, is_versioned=False)

    with pytest.raises(StorageRefused, match="credentials"):
        create(bucket, FAST, b"hello")
    with pytest.raises(StorageRefused, match="credentials"):
        content_of(bucket, FAST)
    with pytest.raises(StorageRefused, match="credentials"):
        bucket.reader.stat(FAST)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:9/"])
def test_an_endpoint_from_the_environment_serves_both_clients(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    found = S3Clients(boto3.Session("local", SECRET, region_name="us-east-1"), attempts=1)

    assert found.boto.meta.endpoint_url == url
    assert found.fast_store("bucket").config["endpoint"] == "http://127.0.0.1:9"
    link = found.boto.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    assert link.startswith("http://127.0.0.1:9/b/k?")


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("bucket", "https://bucket.s3.eu-west-1.amazonaws.com"),
        ("dotted.bucket", "https://s3.eu-west-1.amazonaws.com"),
    ],
)
def test_on_aws_a_bucket_is_reached_by_its_own_host_name_where_it_has_one(
    name: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    found = S3Clients(boto3.Session("local", SECRET, region_name="eu-west-1"))

    assert found.fast_store(name).config["endpoint"] == endpoint


@pytest.mark.parametrize("code", ["InternalError", "SlowDown"])
def test_keys_that_s3_did_not_delete_are_deleted_again(
    bucket: S3Buckets, line: Proxy, code: str
) -> None:
    for number in range(5):
        create(bucket, f"{PREFIX}assets/{number}", b"hello")
    line.requests.clear()
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if len(line.requests) == 3 else request
    )
    line.on_answer = lambda request, answer: (
        _not_deleted(code, 5) if len(line.requests) == 3 else answer
    )

    assert bucket.eraser.erase(PREFIX) == 5

    assert bucket.residue("") == []


def test_a_key_that_may_not_be_deleted_is_named(bucket: S3Buckets, line: Proxy) -> None:
    create(bucket, PREFIX + "assets/0", b"hello")
    line.on_answer = lambda request, answer: (
        _not_deleted("AccessDenied", 1) if request.method == "POST" else answer
    )

    with pytest.raises(StorageRefused, match=r"assets/0.*AccessDenied"):
        bucket.eraser.erase(PREFIX)


@pytest.mark.parametrize("says_so", [True, False])
def test_keys_that_never_go_are_an_outage(bucket: S3Buckets, line: Proxy, says_so: bool) -> None:
    create(bucket, PREFIX + "assets/0", b"hello")
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if request.method == "POST" else request
    )
    line.on_answer = lambda request, answer: (
        _not_deleted("InternalError", int(says_so)) if request.method == "POST" else answer
    )

    with pytest.raises(StorageUnavailable, match="assets/0"):
        bucket.eraser.erase(PREFIX)


def _not_deleted(code: str, count: int) -> Answer:
    errors = "".join(
        f"<Error><Key>{PREFIX}assets/{number}</Key><Code>{code}</Code></Error>"
        for number in range(count)
    )
    body = f"<DeleteResult>{errors}</DeleteResult>"
    return Answer(200, [("Content-Type", "application/xml")], body.encode())
