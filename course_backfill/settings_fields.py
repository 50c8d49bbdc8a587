"""The fields of the settings: for each its kind, its default and what it is for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from course_backfill.api_clients import ApiClientList
from course_backfill.audits import Method
from course_backfill.cold.prices import Price, RestorePriceList, aws_prices
from course_backfill.cold.storage import Tier
from course_backfill.estimation.rates import Rates, RateTable
from course_backfill.estimation.service_prices import ServicePrices, ServicePriceTable
from course_backfill.ingests import PRIMARY
from course_backfill.locations import Location
from course_backfill.settings_values import (
    SHORTEST_KEY,
    SLOWEST_READING,
    Bucket,
    Count,
    Currency,
    EventBus,
    GrowingSeconds,
    MongoUri,
    Namespace,
    NetworkList,
    Seconds,
    SecretName,
    TextList,
    Url,
    from_json,
)

LocationList = Annotated[tuple[Location, ...], NoDecode, BeforeValidator(from_json)]


def _in_namespace(suffix: str) -> Any:
    return lambda values: f"{values['namespace']}-{suffix}"


def _primary_alone(values: dict[str, Any]) -> tuple[Location, ...]:
    return (Location(id=PRIMARY, bucket=_in_namespace("primary")(values)),)


class SettingsFields(BaseSettings):
    """Every setting of the product, in the order of its reference; `Settings` reads them."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="COURSE_BACKFILL_",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    # --- what it reads from and writes to ---

    mongo_uri: MongoUri | None = Field(
        default=None,
        validation_alias="mongo_uri",
        description="MongoDB that holds the content. It may carry a password: prefer the "
        "environment to the file.",
    )
    mongo_uri_secret_name: SecretName | None = Field(
        default=None,
        validation_alias="mongo_uri_secret_name",
        description="Instead of the MongoDB URI: the secret in AWS Secrets Manager that holds it, "
        "by name or ARN.",
    )
    mongo_database: str | None = Field(
        default=None,
        validation_alias="mongo_database",
        description="Database of the content; found by itself where only one holds any.",
    )
    contentstore_bucket: str = Field(
        default="fs", min_length=1, description="GridFS bucket of the contentstore."
    )
    source_bytes_per_second: Annotated[int, Field(ge=SLOWEST_READING)] | None = Field(
        default=None,
        examples=[20_000_000],
        description="Bytes of content that all workers together read of MongoDB in a second, at "
        "least 100,000; unset: as fast as they can. Above about 400,000,000 they read less, since "
        "all take their shares from one item. Inventories, discoveries and looks at single "
        "documents are not counted.",
    )
    aws_endpoint_url: Url | None = Field(
        default=None,
        validation_alias="aws_endpoint_url",
        description="Where S3, SQS and DynamoDB answer, if not at AWS itself.",
    )
    aws_region: str | None = Field(
        default=None,
        validation_alias="aws_region",
        description="Region of tables, queues and buckets; as the AWS tools find it if unset.",
    )
    namespace: Namespace = Field(
        default="course-backfill",
        description="Begins the name of every table, queue and bucket.",
    )
    work_bucket: Bucket = Field(
        default_factory=_in_namespace("work"),
        description="Bucket of inventories, results and failures. Default: {namespace}-work.",
    )
    locations: LocationList = Field(
        default_factory=_primary_alone,
        description='The destinations, the first with the id "primary"; see Locations. '
        "In the environment as JSON. Default bucket: {namespace}-primary.",
    )

    # --- how the workers copy and verify ---

    verify: Method = Field(
        default="bytes",
        description="bytes: every copy is read back and hashed; checksums: S3's stored sha256 "
        "is trusted where there is one.",
    )
    files_in_flight: Count = Field(
        default=16, le=256, description="Files that one worker writes at a time."
    )
    visibility_seconds: Seconds = Field(
        default=30,
        le=43_200,
        description="How long a received message stays hidden; on AWS Lambda six times the "
        "function's timeout.",
    )
    lease_seconds: Seconds = Field(
        default=20,
        description="How long a claimed packet is left to its worker without a sign of life; "
        "shorter than visibility_seconds.",
    )

    # --- waiting, sending again, giving up ---

    resend_after_seconds: Seconds = Field(
        default=900, description="An ingest without progress for so long has its messages re-sent."
    )
    park_max_seconds: Seconds = Field(
        default=900, description="Longest gap between two tries while something is unreachable."
    )
    give_up_after_hours: Count = Field(
        default=24, description="An outage that lasts longer fails the ingest."
    )
    kept_failure_days: Count = Field(
        default=14,
        le=28,
        description="How long the copies of a kept failure wait for a retry.",
    )
    resweep_seconds: GrowingSeconds = Field(
        default=(600, 86_400),
        min_length=1,
        description="When to look again for what late writers left behind a rollback: after twice "
        "the longest run of a worker, and a day later.",
    )
    discovery_interval_seconds: Seconds = Field(
        default=3_600,
        description="How often the source is looked through for new and changed courses.",
    )

    # --- cold storage ---

    restore_tier: Tier = Field(
        default=Tier.STANDARD, description="Bulk, Standard or Expedited: how fast restores are."
    )
    restore_days: Count = Field(default=7, le=365, description="How long restored copies last.")
    restore_requests_per_second: Count = Field(
        default=100, le=1_000, description="Restores that one worker asks for in a second at most."
    )
    restore_first_look_seconds: Seconds | None = Field(
        default=None,
        examples=[3600],
        description="When restores are first looked at; unset: at the soonest that S3 names.",
    )
    restore_poll_seconds: Seconds = Field(
        default=900, description="Between two looks at restores that may be done."
    )
    restore_give_up_hours: Count = Field(
        default=96,
        description="Restores from cold storage that take longer fail the ingest; Deep Archive's "
        "slowest takes 48 hours.",
    )
    restore_prices: RestorePriceList = Field(
        default_factory=aws_prices,
        description="What restoring costs by storage class and tier; in the environment as JSON.",
    )
    restored_gigabyte_month: Price = Field(
        default=0.023, description="Price of keeping a GB of restored copies for 30 days."
    )
    currency: Currency = Field(default="USD", description="Of all prices.")

    # --- estimates ---

    estimate_rates: RateTable = Field(
        default_factory=Rates,
        description="How fast a backfill is taken to go, by estimates alone; see estimates.md. In "
        "the environment as JSON.",
    )
    service_prices: ServicePriceTable = Field(
        default_factory=ServicePrices,
        description="What requests, storage, functions and transfer cost; see estimates.md. In the "
        "environment as JSON.",
    )

    # --- audits ---

    audit_every_days: Annotated[int, Field(ge=0, le=3_650)] = Field(
        default=90,
        description="Days in which every copy is audited once; 0 starts no audits.",
    )
    audits_at_once: Count = Field(
        default=1, le=100, description="Audits that the schedule has under way at a time."
    )

    # --- callbacks ---

    callback_secret: SecretStr | None = Field(
        default=None, min_length=SHORTEST_KEY, description="Key of the HMAC that signs callbacks."
    )
    callback_secret_name: SecretName | None = Field(
        default=None,
        description="Instead of the key: the secret in AWS Secrets Manager that holds it, by name "
        "or ARN.",
    )
    callback_attempts: Count = Field(
        default=12, le=100, description="Tries before a callback counts as failed."
    )
    callback_allowed_hosts: TextList = Field(
        default=(),
        description="Host names that callbacks may go to whatever their address, comma-separated.",
    )
    callback_allowed_networks: NetworkList = Field(
        default=(),
        description="Networks (10.0.0.0/8) that callbacks may go to, comma-separated; all others "
        "must be public.",
    )

    # --- domain events ---

    event_bus: EventBus | None = Field(
        default=None,
        description="EventBridge bus, by name or ARN, that is told of registered versions and "
        "of ingests that failed; unset: nobody is.",
    )

    # --- the API and its clients ---

    api_url: Url | None = Field(default=None, description="Where the command line finds the API.")
    api_token: SecretStr | None = Field(
        default=None, min_length=1, description="Bearer token for everything that the API does."
    )
    api_clients: ApiClientList = Field(
        default=(),
        description="Clients of `course-backfill api`, each with a token and scopes of its own; "
        "see Clients. In the environment as JSON.",
    )
    open_description: bool = Field(
        default=False,
        description="Whether /docs and /openapi.json are shown without a token; serve does.",
    )
    scope_prefix: str = Field(
        default="",
        description='What the issuer of tokens puts before a scope, such as "resource-server/".',
    )
    token_url: Url | None = Field(
        default=None,
        description="Where clients get their tokens: the API's description tells it, and commands "
        "that have a client's id and secret go there.",
    )
    presign_seconds: Seconds = Field(
        default=300, le=604_800, description="How long a link to content works."
    )
