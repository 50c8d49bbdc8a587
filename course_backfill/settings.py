"""Settings: one frozen, typed value, read once from a documented file and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo
from pydantic import field_validator as check
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from course_backfill.audits import Method
from course_backfill.cold.prices import Price, PriceTable, RestorePriceList, aws_prices
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import RestoreWish
from course_backfill.errors import InvalidInput, Problem
from course_backfill.ingests import PRIMARY
from course_backfill.location_rules import location_problems
from course_backfill.locations import Location
from course_backfill.settings_sources import SettingsSources, variable
from course_backfill.settings_values import (
    Bucket,
    Count,
    Currency,
    GrowingSeconds,
    MongoUri,
    Namespace,
    NetworkList,
    Seconds,
    TextList,
    Url,
    from_json,
)

LocationList = Annotated[tuple[Location, ...], NoDecode, BeforeValidator(from_json)]


def _in_namespace(suffix: str) -> Any:
    return lambda values: f"{values['namespace']}-{suffix}"


def _primary_alone(values: dict[str, Any]) -> tuple[Location, ...]:
    return (Location(id=PRIMARY, bucket=_in_namespace("primary")(values)),)


class Settings(BaseSettings):
    """Every setting of the product. `Settings.load()` reads them; the constructor reads nothing."""

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
    mongo_database: str | None = Field(
        default=None,
        validation_alias="mongo_database",
        description="Database of the content; found by itself where only one holds any.",
    )
    contentstore_bucket: str = Field(
        default="fs", min_length=1, description="GridFS bucket of the contentstore."
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
        default=None, min_length=16, description="Key of the HMAC that signs callbacks."
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

    # --- the API and its clients ---

    api_url: Url | None = Field(default=None, description="Where the command line finds the API.")
    api_token: SecretStr | None = Field(
        default=None, min_length=1, description="Bearer token that the API asks for."
    )
    open_description: bool = Field(
        default=False,
        description="Whether /docs and /openapi.json are shown without a token; serve does.",
    )
    scope_prefix: str = Field(
        default="",
        description='What the issuer of tokens puts before a scope, such as "resource-server/".',
    )
    presign_seconds: Seconds = Field(
        default=300, le=604_800, description="How long a link to content works."
    )

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None) -> Self:
        """Reads the file, then the environment, then `overrides` (options of a command).

        The file is COURSE_BACKFILL_CONFIG, or course-backfill.toml where there is one. Raises
        InvalidInput that names every wrong or unknown setting as it was typed, and no value.
        """
        given = {name: value for name, value in (overrides or {}).items() if value is not None}
        sources = SettingsSources.read(cls, given)
        problems = list(sources.unknown)
        try:
            settings = cls(**sources.values)
        except ValidationError as error:
            problems += sources.problems(error)
        if problems:
            raise InvalidInput(*problems)
        return settings

    def require(self, *names: str) -> None:
        """Raises InvalidInput that names every one of these settings that is not set."""
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise InvalidInput(*(Problem(environment_name(name), "is not set") for name in missing))

    @property
    def restore_wish(self) -> RestoreWish:
        """How cold objects are restored where a request does not say."""
        return RestoreWish(tier=self.restore_tier, days=self.restore_days)

    @property
    def price_table(self) -> PriceTable:
        """What restoring costs."""
        return PriceTable(
            currency=self.currency,
            restores=self.restore_prices,
            gigabyte_month=self.restored_gigabyte_month,
        )

    @property
    def primary(self) -> Location:
        """The location that every ingest fills first."""
        return self.locations[0]

    @check("lease_seconds")
    @classmethod
    def _lease_ends_before_redelivery(cls, lease: int, info: ValidationInfo) -> int:
        if lease >= info.data.get("visibility_seconds", lease + 1):
            raise ValueError("expected fewer seconds than visibility_seconds")
        return lease

    @check("locations")
    @classmethod
    def _locations_fit_together(
        cls, locations: tuple[Location, ...], info: ValidationInfo
    ) -> tuple[Location, ...]:
        problems = location_problems(
            locations,
            work_bucket=info.data.get("work_bucket"),
            endpoint_url=info.data.get("aws_endpoint_url"),
        )
        if sentences := list(problems):
            raise ValueError("; ".join(sentences))
        return locations

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the constructor is given: reading the surroundings is `load`'s alone."""
        return (init_settings,)


def environment_name(field: str) -> str:
    """The environment variable of a setting."""
    return variable(Settings, field)
