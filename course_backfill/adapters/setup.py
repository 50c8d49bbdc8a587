"""Sets an installation up on whatever endpoint is configured, and checks that it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.aws_errors import (
    DYNAMODB,
    S3,
    SQS,
    ErrorNames,
    error_code,
    named_errors,
)
from course_backfill.adapters.setup_buckets import check_bucket, create_bucket
from course_backfill.adapters.setup_queues import check_dead_letters, check_queue, create_queue
from course_backfill.adapters.setup_tables import (
    check_recorded_dead_letters,
    check_table,
    create_table,
)
from course_backfill.dead_letters import TABLE as DEAD_LETTERS_TABLE
from course_backfill.errors import (
    CourseBackfillError,
    KnownOutage,
    QueueRefused,
    StateRefused,
    StorageRefused,
)
from course_backfill.findings import Finding
from course_backfill.resources import Bucket, Resources, Table
from course_backfill.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

_AT_ONCE = 4
"""AWS throttles the making of things; a few at a time still save minutes."""


def create_resources(settings: Settings, clients: AwsClients) -> list[Finding]:
    """Makes every table, queue and bucket that is missing, and completes those that are there.

    Raises the named error of what could not be made; running it again goes on from there.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="setup") as pool:
        done = pool.map(lambda resource: resource.create(), _resources(settings, clients))
        return list(done)


def check_storage(settings: Settings, clients: AwsClients) -> list[Finding]:
    """Whether everything that `create_resources` makes is there, complete and of use.

    What cannot even be asked for is a finding too: nothing is raised.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="check") as pool:
        checked = pool.map(lambda resource: resource.check(), _resources(settings, clients))
        return [finding for findings in checked for finding in findings]


@dataclass(frozen=True, slots=True)
class _Resource:
    """One thing an installation needs, and how it is made and looked at."""

    name: str
    errors: ErrorNames
    make: Callable[[], Finding]
    looks: Sequence[Callable[[], Finding]]

    def create(self) -> Finding:
        try:
            with named_errors(self.errors):
                return self.make()
        except (KnownOutage, StorageRefused, StateRefused, QueueRefused) as error:
            # An outage of one location among several is of no help without its name.
            said = str(error)
            named = said if self.name in said else f"{self.name}: {said}"
            raise type(error)(named) from error
        except ClientError as error:
            raise self.errors.refused(f"{self.name}: {_words(error)}") from error

    def check(self) -> list[Finding]:
        return [self._checked(look) for look in self.looks]

    def _checked(self, look: Callable[[], Finding]) -> Finding:
        try:
            with named_errors(self.errors):
                return look()
        except CourseBackfillError as error:
            detail = str(error)
        except ClientError as error:
            detail = _words(error)
        return Finding(self.name, False, detail, "Mend what the sentence names, then try again")


def _resources(settings: Settings, clients: AwsClients) -> list[_Resource]:
    dynamodb, sqs = clients.dynamodb, clients.sqs
    shapes = Resources.of(settings)
    return [
        *(
            _Resource(
                f"table {table.name}",
                DYNAMODB,
                partial(create_table, dynamodb, table),
                _looks_at_table(dynamodb, table),
            )
            for table in shapes.tables
        ),
        *(
            _Resource(
                f"queue {queue.name}",
                SQS,
                partial(create_queue, sqs, queue),
                [partial(check_queue, sqs, queue), partial(check_dead_letters, sqs, queue)],
            )
            for queue in shapes.queues
        ),
        *(
            _Resource(
                _bucket_name(bucket),
                S3,
                partial(_in_reach, clients, create_bucket, bucket),
                [partial(_in_reach, clients, check_bucket, bucket)],
            )
            for bucket in shapes.buckets
        ),
    ]


def _looks_at_table(client: DynamoDBClient, table: Table) -> list[Callable[[], Finding]]:
    looks: list[Callable[[], Finding]] = [partial(check_table, client, table)]
    if table.id == DEAD_LETTERS_TABLE:
        looks.append(partial(check_recorded_dead_letters, client, table))
    return looks


def _bucket_name(bucket: Bucket) -> str:
    location = bucket.location
    of = f" of location {location.id}" if location else ""
    at = f" at {location.endpoint_url}" if location and location.endpoint_url else ""
    return f"bucket {bucket.name}{of}{at}"


def _in_reach(
    clients: AwsClients, act: Callable[[S3Client, Bucket], Finding], bucket: Bucket
) -> Finding:
    """Acts with a client of the bucket's own region, endpoint and role; one may be of several."""
    found = act(clients.s3_of(bucket.location), bucket)
    return replace(found, name=_bucket_name(bucket))


def _words(error: ClientError) -> str:
    return f"{error_code(error)}: {error.response.get('Error', {}).get('Message', '')}"
