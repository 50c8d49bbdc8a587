"""The AWS clients of a process: one session, one way to wait and to try again."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from course_backfill.errors import InvalidInput, Problem
from course_backfill.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_EMULATOR_REGION = "us-east-1"

# The one layer that tries a request again: throttling, 5xx and lost connections, with capped and
# jittered gaps. Read timeouts are above SQS's long poll of 20 seconds.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=64,
    user_agent_extra="course-backfill",
)


@dataclass(frozen=True, slots=True)
class AwsClients:
    """Thread-safe clients of DynamoDB, SQS and S3 at the configured endpoint."""

    dynamodb: DynamoDBClient
    sqs: SQSClient
    s3: S3Client

    @classmethod
    def connect(cls, settings: Settings, *, config: Config | None = None) -> AwsClients:
        """Makes the clients; nothing is sent yet. `config` adds to how they wait and try again."""
        session = aws_session(settings)
        merged = _CONFIG.merge(config) if config else _CONFIG
        endpoint = settings.aws_endpoint_url
        # An endpoint of its own has no name per bucket.
        addressing = Config(s3={"addressing_style": "path" if endpoint else "auto"})
        return cls(
            dynamodb=session.client("dynamodb", endpoint_url=endpoint, config=merged),
            sqs=session.client("sqs", endpoint_url=endpoint, config=merged),
            s3=session.client("s3", endpoint_url=endpoint, config=merged.merge(addressing)),
        )


def aws_session(settings: Settings) -> boto3.Session:
    """Credentials and region as every AWS tool finds them.

    An emulator on this machine asks for neither: where none are found, any serve for it. Raises
    InvalidInput where AWS itself is meant and no region is set anywhere.
    """
    session = boto3.Session(region_name=settings.aws_region)
    if not _is_loopback(settings.aws_endpoint_url):
        if session.region_name is None:
            raise InvalidInput(
                Problem("AWS_REGION", "expected the region of the tables, queues and buckets")
            )
        return session
    region = session.region_name or _EMULATOR_REGION
    if session.get_credentials() is not None:
        return boto3.Session(region_name=region)
    return boto3.Session(
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - An emulator takes anything.
    )


def _is_loopback(url: str | None) -> bool:
    host = urlsplit(url or "").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
