"""The probe: it passes on an AWS that keeps its promises, and tells of one that does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from botocore.config import Config

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.probe import probe
from course_backfill.adapters.setup import create_resources
from course_backfill.settings import Settings

CARELESS_AWS = """
from moto.server import ThreadedMotoServer
import sys
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def careless_endpoint() -> Iterator[str]:
    """An AWS that checks no checksum and knows no token again: moto as it comes."""
    process = subprocess.Popen(  # noqa: S603 - The script is above.
        [sys.executable, "-c", CARELESS_AWS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.communicate("")


def leftovers(settings: Settings, clients: AwsClients) -> list[object]:
    bucket = settings.primary.bucket
    queues = clients.sqs.list_queues(QueueNamePrefix=f"{settings.namespace}-probe")
    return [
        clients.s3.list_object_versions(Bucket=bucket).get("Versions", []),
        clients.s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", []),
        clients.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []),
        clients.dynamodb.scan(TableName=f"{settings.namespace}-ingests")["Items"],
        clients.dynamodb.scan(TableName=f"{settings.namespace}-courses")["Items"],
        queues.get("QueueUrls", []),
    ]


@pytest.mark.parametrize("is_versioned", [True, False])
def test_everything_holds_and_nothing_stays(
    aws_settings: Settings, aws_clients: AwsClients, is_versioned: bool
) -> None:
    if not is_versioned:
        aws_clients.s3.create_bucket(
            Bucket=aws_settings.primary.bucket,
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        )
        aws_clients.s3.put_bucket_versioning(
            Bucket=aws_settings.primary.bucket, VersioningConfiguration={"Status": "Suspended"}
        )
    create_resources(aws_settings, aws_clients)
    findings = probe(aws_settings, aws_clients)
    assert [one for one in findings if not one.ok] == []
    assert len(findings) == 19
    assert leftovers(aws_settings, aws_clients) == [[]] * 6


def test_an_aws_that_breaks_promises_is_told_of(
    careless_endpoint: str, aws_settings: Settings
) -> None:
    settings = aws_settings.model_copy(update={"aws_endpoint_url": careless_endpoint})
    clients = AwsClients.connect(settings)
    create_resources(settings, clients)
    broken = {one.name.rsplit(": ", 1)[-1]: one for one in probe(settings, clients) if not one.ok}
    assert {"wrong sha256 is refused", "wrong CRC64NVME is refused", "repeated transaction"} <= set(
        broken
    )
    assert "create-only copy" in broken
    assert "create-only write" not in broken
    sha256 = broken["wrong sha256 is refused"]
    assert sha256.detail == "was accepted, and should have been refused"
    assert sha256.action.startswith("Do not use this S3")
    assert leftovers(settings, clients) == [[]] * 6


def test_an_installation_that_was_not_set_up_is_told_what_to_do(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    findings = {one.name: one for one in probe(aws_settings, aws_clients)}
    state = findings["DynamoDB: conditional write"]
    assert not state.ok
    assert "course-backfill setup" in state.detail
    assert not findings[f"{aws_settings.primary.bucket}: create-only write"].ok
    assert findings["SQS: round trip"].ok


def test_an_endpoint_where_nobody_listens_is_a_finding(aws_settings: Settings) -> None:
    nowhere = aws_settings.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:1"})
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    findings = probe(nowhere, AwsClients.connect(nowhere, config=config))
    assert [one.name for one in findings if one.ok] == ["SQS: removing again"]
