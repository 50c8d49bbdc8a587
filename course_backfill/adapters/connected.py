"""The wiring of a configured installation: MongoDB, S3, DynamoDB and SQS, each when first used."""

from __future__ import annotations

import threading
from functools import cache, cached_property
from typing import TYPE_CHECKING

from awscrt import checksums
from pydantic import SecretStr

from course_backfill.adapters.aws_clients import AwsClients, Reach, events_client, reach_session
from course_backfill.adapters.dynamo_state import DynamoStateStore
from course_backfill.adapters.emf_meter import meter_of
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_copier import S3ObjectCopier
from course_backfill.adapters.s3_eraser import S3ObjectEraser
from course_backfill.adapters.s3_reader import S3ObjectReader
from course_backfill.adapters.s3_repairer import S3ObjectRepairer
from course_backfill.adapters.s3_restorer import S3ObjectRestorer
from course_backfill.adapters.s3_work_store import S3WorkStore
from course_backfill.adapters.s3_writer import S3ObjectWriter
from course_backfill.adapters.sqs import SqsQueues
from course_backfill.adapters.timed_work_store import TimedWorkStore
from course_backfill.clock import system_clock
from course_backfill.errors import InvalidInput, Problem
from course_backfill.locations import Location, is_copied_inside
from course_backfill.ports import Meter
from course_backfill.redaction import keep_secret
from course_backfill.settings import Settings
from course_backfill.wiring import Wiring

if TYPE_CHECKING:
    from course_backfill.adapters.aws_secrets import AwsSecrets
    from course_backfill.adapters.contentstore import ContentstoreSource
    from course_backfill.adapters.event_bridge import EventBridgeBus
    from course_backfill.adapters.mongodb import Client
    from course_backfill.adapters.secret_source import SecretSource


@cache
def connect() -> ConnectedWiring:
    """The one wiring of this process, from its settings; raises InvalidInput for wrong ones."""
    settings = Settings.load()
    for _, value in settings:
        if isinstance(value, SecretStr):
            keep_secret(value.get_secret_value())
    return ConnectedWiring(settings)


class ConnectedWiring(Wiring):
    """Real ports. A worker opens only the connections, and loads only the libraries, that its step
    uses: MongoDB's driver takes a quarter of the time in which a function starts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = system_clock
        self.crc64 = checksums.crc64nvme
        self._elsewhere: dict[Reach, S3Clients] = {}
        self._lock = threading.Lock()

    @cached_property
    def clients(self) -> AwsClients:
        """DynamoDB and SQS."""
        return AwsClients.connect(self.settings)

    @cached_property
    def buckets(self) -> S3Clients:
        """S3 as the work bucket is reached, with as many connections as files are in flight."""
        return self._open(Reach.of(self.settings))

    @cached_property
    def state(self) -> DynamoStateStore:
        """The tables."""
        return DynamoStateStore(self.clients.dynamodb, self.settings.namespace)

    @cached_property
    def messages(self) -> SqsQueues:
        """The queues."""
        return SqsQueues(self.clients.sqs, self.settings)

    @cached_property
    def mongodb(self) -> Client:
        """The MongoDB that holds the content."""
        if self.settings.mongo_uri is None:
            raise InvalidInput(
                Problem(
                    "MONGO_URI",
                    "expected the mongodb:// address of the content, here or in the secret that "
                    "MONGO_URI_SECRET_NAME names",
                )
            )
        from course_backfill.adapters import mongodb

        return mongodb.connect(self.settings.mongo_uri.get_secret_value())

    @cached_property
    def secrets(self) -> AwsSecrets:
        """Secrets Manager."""
        from course_backfill.adapters.aws_secrets import AwsSecrets

        return AwsSecrets(self.settings)

    @cached_property
    def source(self) -> ContentstoreSource | SecretSource:
        """The contentstore; its database is found by itself where only one holds any."""
        from course_backfill.adapters.contentstore import ContentstoreSource
        from course_backfill.adapters.secret_source import SecretSource

        if self.settings.mongo_uri_secret_name is not None:
            return SecretSource(
                lambda fresh: self.secrets.mongo_uri(fresh=fresh),
                database=self.settings.mongo_database,
                bucket=self.settings.contentstore_bucket,
            )
        return ContentstoreSource(
            client=self.mongodb,
            database=self.settings.mongo_database,
            bucket=self.settings.contentstore_bucket,
        )

    @cached_property
    def work(self) -> TimedWorkStore:
        """The work bucket."""
        return TimedWorkStore(S3WorkStore(self.buckets, self.settings.work_bucket))

    @cached_property
    def bus(self) -> EventBridgeBus | None:
        """The bus of domain events; None where the settings name none."""
        if self.settings.event_bus is None:
            return None
        from course_backfill.adapters.event_bridge import EventBridgeBus

        return EventBridgeBus(events_client(self.settings), self.settings.event_bus)

    @cached_property
    def meter(self) -> Meter:
        """Metrics for CloudWatch, where this is a function's."""
        return meter_of(self.settings.namespace)

    def callback_key(self) -> bytes | None:
        """The key as the settings have it, or as the secret that they name has it by now."""
        if self.settings.callback_secret_name is None:
            return super().callback_key()
        return self.secrets.callback_key().get_secret_value().encode()

    def reader(self, location: Location) -> S3ObjectReader:
        """Reads a location."""
        return S3ObjectReader(self._s3_of(location), location.bucket)

    def writer(self, location: Location, storage_class: str | None = None) -> S3ObjectWriter:
        """Writes a location."""
        return S3ObjectWriter(
            self._s3_of(location),
            location.bucket,
            storage_class=storage_class or location.storage_class,
        )

    def copier(
        self, source: Location, target: Location, storage_class: str | None = None
    ) -> S3ObjectCopier | None:
        """Copies inside S3; None where only bytes that pass through here can be copied."""
        if not is_copied_inside(source, target):
            return None
        return S3ObjectCopier(
            self._s3_of(target),
            source.bucket,
            target.bucket,
            source_clients=self._s3_of(source),
            storage_class=storage_class or target.storage_class,
        )

    def restorer(self, location: Location) -> S3ObjectRestorer:
        """Restores a location's cold objects."""
        return S3ObjectRestorer(self._s3_of(location), location.bucket)

    def repairer(self, location: Location, storage_class: str | None = None) -> S3ObjectRepairer:
        """Replaces a location's damaged objects."""
        return S3ObjectRepairer(
            self._s3_of(location),
            location.bucket,
            storage_class=storage_class or location.storage_class,
        )

    def eraser(self, location: Location) -> S3ObjectEraser:
        """Erases in a location."""
        return S3ObjectEraser(self._s3_of(location), location.bucket)

    def close(self) -> None:
        """Closes what was opened; a worker keeps it open as long as it lives."""
        if "mongodb" in self.__dict__:
            self.mongodb.close()
        if (source := self.__dict__.get("source")) and hasattr(source, "close"):
            source.close()
        if "executor" in self.__dict__:
            self.executor.shutdown()
        if "buckets" in self.__dict__:
            self.buckets.close()
        for clients in self._elsewhere.values():
            clients.close()

    def _s3_of(self, location: Location) -> S3Clients:
        reach = Reach.of(self.settings, location)
        if reach == Reach.of(self.settings):
            return self.buckets
        with self._lock:
            if reach not in self._elsewhere:
                self._elsewhere[reach] = self._open(reach)
            return self._elsewhere[reach]

    def _open(self, reach: Reach) -> S3Clients:
        return S3Clients(
            reach_session(self.settings, reach),
            endpoint_url=reach.endpoint_url,
            concurrency=self.settings.files_in_flight,
        )
