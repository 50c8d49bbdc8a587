"""Settings: one frozen, typed value, read once from a documented file and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, ValidationInfo
from pydantic import field_validator as check
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from course_backfill.api_clients import ApiClient
from course_backfill.cold.prices import PriceTable
from course_backfill.cold.warming import RestoreWish
from course_backfill.errors import InvalidInput, Problem
from course_backfill.location_rules import location_problems
from course_backfill.locations import Location
from course_backfill.settings_fields import SettingsFields
from course_backfill.settings_sources import SettingsSources, variable

_HELD_BY = {"mongo_uri_secret_name": "mongo_uri", "callback_secret_name": "callback_secret"}
"""Settings that name a secret, and the setting that is given its value otherwise."""


class Settings(SettingsFields):
    """Every setting of the product. `Settings.load()` reads them; the constructor reads nothing."""

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
    def names_mongodb(self) -> bool:
        """Whether it is said where the content is, by the URI or by the secret that holds it."""
        return self.mongo_uri is not None or self.mongo_uri_secret_name is not None

    @property
    def signs_callbacks(self) -> bool:
        """Whether there is a key for callbacks, here or in Secrets Manager."""
        return self.callback_secret is not None or self.callback_secret_name is not None

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

    @check("mongo_uri_secret_name", "callback_secret_name")
    @classmethod
    def _given_in_one_way(cls, name: str | None, info: ValidationInfo) -> str | None:
        value = _HELD_BY[str(info.field_name)]
        if name is not None and info.data.get(value) is not None:
            raise ValueError(f"expected either this or {variable(cls, value)}, not both")
        return name

    @check("lease_seconds")
    @classmethod
    def _lease_ends_before_redelivery(cls, lease: int, info: ValidationInfo) -> int:
        if lease >= info.data.get("visibility_seconds", lease + 1):
            raise ValueError("expected fewer seconds than visibility_seconds")
        return lease

    @check("api_clients")
    @classmethod
    def _clients_have_their_own_tokens(
        cls, clients: tuple[ApiClient, ...], info: ValidationInfo
    ) -> tuple[ApiClient, ...]:
        alike = [one.id for one in clients if one.token == info.data.get("api_token")]
        if alike:
            everything = variable(cls, "api_token")
            raise ValueError(f"expected other tokens than {everything}: {', '.join(alike)}")
        return clients

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
