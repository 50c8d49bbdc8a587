"""The AWS clients of a process: one session, one way to wait and to try again."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from course_backfill.adapters.aws_roles import assume_role
from course_backfill.errors import InvalidInput, Problem
from course_backfill.locations import Location
from course_backfill.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
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


class Reach(NamedTuple):
    """What decides how a bucket is reached; buckets that agree in it share their connections."""

    region: str | None
    endpoint_url: str | None
    role_arn: str | None

    @classmethod
    def of(cls, settings: Settings, location: Location | None = None) -> Reach:
        """How a location is reached; without one, how the work bucket is."""
        if location is None:
            return cls(settings.aws_region, settings.aws_endpoint_url, None)
        return cls(
            location.region or settings.aws_region,
            location.endpoint_url or settings.aws_endpoint_url,
            location.role_arn,
        )


@dataclass(frozen=True, slots=True)
class AwsClients:
    """Thread-safe clients of DynamoDB, SQS and S3 at the configured endpoint."""

    dynamodb: DynamoDBClient
    sqs: SQSClient
    s3: S3Client
    settings: Settings
    config: Config

    @classmethod
    def connect(cls, settings: Settings, *, config: Config | None = None) -> AwsClients:
        """Makes the clients; nothing is sent yet. `config` adds to how they wait and try again."""
        session = aws_session(settings)
        merged = _CONFIG.merge(config) if config else _CONFIG
        endpoint = settings.aws_endpoint_url
        return cls(
            dynamodb=session.client("dynamodb", endpoint_url=endpoint, config=merged),
            sqs=session.client("sqs", endpoint_url=endpoint, config=merged),
            s3=_s3_client(session, endpoint, merged),
            settings=settings,
            config=merged,
        )

    def s3_of(self, location: Location | None) -> S3Client:
        """A client for the location's bucket, in its region, at its endpoint, in its role."""
        reach = Reach.of(self.settings, location)
        if reach == Reach.of(self.settings):
            return self.s3
        session = reach_session(self.settings, reach)
        return _s3_client(session, reach.endpoint_url, self.config)


def secrets_client(settings: Settings) -> SecretsManagerClient:
    """A client of Secrets Manager: apart, since only who has a secret to fetch needs one."""
    endpoint = settings.aws_endpoint_url
    return aws_session(settings).client("secretsmanager", endpoint_url=endpoint, config=_CONFIG)


def events_client(settings: Settings) -> EventBridgeClient:
    """A client of EventBridge, likewise."""
    endpoint = settings.aws_endpoint_url
    return aws_session(settings).client("events", endpoint_url=endpoint, config=_CONFIG)


def sqs_client(settings: Settings) -> SQSClient:
    """A client of SQS alone, made in half the time that all three take."""
    endpoint = settings.aws_endpoint_url
    return aws_session(settings).client("sqs", endpoint_url=endpoint, config=_CONFIG)


def aws_session(settings: Settings) -> boto3.Session:
    """Credentials and region as every AWS tool finds them.

    An emulator on this machine asks for neither: where none are found, any serve for it. Raises
    InvalidInput where AWS itself is meant and no region is set anywhere.
    """
    return reach_session(settings, Reach.of(settings))


def reach_session(settings: Settings, reach: Reach) -> boto3.Session:
    """The same for buckets that are reached like this: their region, in the role they ask for."""
    session = _own_session(reach)
    if reach.role_arn is None:
        return session
    config = _CONFIG.merge(Config(max_pool_connections=1))
    # Endpoints of locations are S3's alone: roles are where the tables and queues are.
    sts = partial(session.client, "sts", endpoint_url=settings.aws_endpoint_url, config=config)
    return assume_role(session, reach.role_arn, sts)


def _own_session(reach: Reach) -> boto3.Session:
    session = boto3.Session(region_name=reach.region)
    if not _is_loopback(reach.endpoint_url):
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


def _s3_client(session: boto3.Session, endpoint: str | None, config: Config) -> S3Client:
    # An endpoint of its own has no name per bucket.
    addressing = Config(s3={"addressing_style": "path" if endpoint else "auto"})
    return session.client("s3", endpoint_url=endpoint, config=config.merge(addressing))


def _is_loopback(url: str | None) -> bool:
    host = urlsplit(url or "").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
