"""Prices of what a backfill uses, restores apart; as an installation's settings give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

from course_backfill.cold.prices import Price
from course_backfill.locations import StorageClassName
from course_backfill.records import Record
from course_backfill.settings_values import from_json


class StoragePrice(Record):
    """What a storage class costs."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    storage_class: StorageClassName
    writes: Price
    """For 1,000 requests that write: PUT, COPY, POST."""
    reads: Price
    """For 1,000 requests that read: GET, HEAD."""
    gigabyte_month: Price
    """For 2^30 bytes that are stored for a month."""
    gigabyte_read: Price = 0.0
    """For 2^30 bytes that are read."""
    is_padded: bool = False
    """Whether an object is billed as 128 KiB at least."""


def aws_storage_prices() -> tuple[StoragePrice, ...]:
    """The list prices of us-east-1, as docs/estimates.md dates them."""
    listed: dict[StorageClassName, tuple[float, float, float, float, bool]] = {
        "STANDARD": (0.005, 0.0004, 0.023, 0.0, False),
        "INTELLIGENT_TIERING": (0.005, 0.0004, 0.023, 0.0, False),
        "STANDARD_IA": (0.01, 0.001, 0.0125, 0.01, True),
        "ONEZONE_IA": (0.01, 0.001, 0.01, 0.01, True),
        "GLACIER_IR": (0.02, 0.01, 0.004, 0.03, True),
        "GLACIER": (0.03, 0.0004, 0.0036, 0.0, False),
        "DEEP_ARCHIVE": (0.05, 0.0004, 0.00099, 0.0, False),
    }
    return tuple(
        StoragePrice(
            storage_class=name,
            writes=writes,
            reads=reads,
            gigabyte_month=month,
            gigabyte_read=read,
            is_padded=is_padded,
        )
        for name, (writes, reads, month, read, is_padded) in listed.items()
    )


def require_each_once(prices: tuple[StoragePrice, ...]) -> tuple[StoragePrice, ...]:
    """Raises ValueError that names the storage classes without a price, or with two."""
    given = [one.storage_class for one in prices]
    wrong = [
        one.storage_class for one in aws_storage_prices() if given.count(one.storage_class) != 1
    ]
    if wrong:
        raise ValueError(f"expected one price for each storage class: {', '.join(wrong)}")
    return prices


StoragePrices = Annotated[tuple[StoragePrice, ...], AfterValidator(require_each_once)]


class ServicePrices(Record):
    """All of them; the defaults are the list prices of us-east-1."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    storage: StoragePrices = Field(default_factory=aws_storage_prices)
    """By storage class."""
    lists: Price = 0.005
    """For 1,000 requests that list."""
    state_writes: Price = 0.625
    """For a million write units of DynamoDB on demand."""
    state_reads: Price = 0.125
    """For a million read units of DynamoDB on demand."""
    queue_requests: Price = 0.4
    """For a million requests to SQS."""
    function_calls: Price = 0.2
    """For a million calls of Lambda functions."""
    function_gigabyte_seconds: Price = 13.3334
    """For a million GB-seconds of Lambda on arm64."""
    transfer: Price = 0.02
    """For 2^30 bytes to another region."""

    def of(self, storage_class: str) -> StoragePrice:
        """The price of a storage class; raises KeyError for one that S3 does not offer."""
        for one in self.storage:
            if one.storage_class == storage_class:
                return one
        raise KeyError(storage_class)


ServicePriceTable = Annotated[ServicePrices, NoDecode, BeforeValidator(from_json)]
