"""Prices of restoring from cold storage, as an installation's settings give them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

from course_backfill.cold.storage import INTELLIGENT_TIERING, Tier
from course_backfill.records import Record
from course_backfill.settings_values import from_json

Price = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]

PRICED = (
    ("GLACIER", Tier.EXPEDITED),
    ("GLACIER", Tier.STANDARD),
    ("GLACIER", Tier.BULK),
    ("DEEP_ARCHIVE", Tier.STANDARD),
    ("DEEP_ARCHIVE", Tier.BULK),
    (INTELLIGENT_TIERING, Tier.EXPEDITED),
    (INTELLIGENT_TIERING, Tier.STANDARD),
    (INTELLIGENT_TIERING, Tier.BULK),
)
"""Every storage class with every tier that it offers."""


class RestorePrice(Record):
    """What restoring from one storage class with one tier costs, in the table's currency."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    storage_class: Literal["GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING"]
    tier: Tier
    requests: Price = 0.0
    """For 1,000 restore requests."""
    gigabyte: Price = 0.0
    """For 2^30 bytes that are restored."""


def aws_prices() -> tuple[RestorePrice, ...]:
    """The list prices of us-east-1, as docs/operations.md dates them."""
    listed = {
        ("GLACIER", Tier.EXPEDITED): (10.0, 0.03),
        ("GLACIER", Tier.STANDARD): (0.05, 0.01),
        ("DEEP_ARCHIVE", Tier.STANDARD): (0.1, 0.02),
        ("DEEP_ARCHIVE", Tier.BULK): (0.025, 0.0025),
        (INTELLIGENT_TIERING, Tier.EXPEDITED): (10.0, 0.03),
    }
    free = (0.0, 0.0)
    return tuple(
        RestorePrice.model_validate(
            {
                "storage_class": name,
                "tier": tier,
                "requests": listed.get((name, tier), free)[0],
                "gigabyte": listed.get((name, tier), free)[1],
            }
        )
        for name, tier in PRICED
    )


def require_complete(prices: tuple[RestorePrice, ...]) -> tuple[RestorePrice, ...]:
    """Raises ValueError that names what has no price, or two."""
    given: list[tuple[str, Tier]] = [(one.storage_class, one.tier) for one in prices]
    missing = [f"{name} {tier}" for name, tier in PRICED if given.count((name, tier)) != 1]
    if missing or len(given) != len(PRICED):
        wanted = ", ".join(missing) or "what S3 offers alone"
        raise ValueError(f"expected one price for each storage class and tier: {wanted}")
    return prices


RestorePriceList = Annotated[
    tuple[RestorePrice, ...],
    NoDecode,
    BeforeValidator(from_json),
    AfterValidator(require_complete),
]


class PriceTable(Record):
    """All prices that an estimate needs."""

    currency: str = "USD"
    restores: tuple[RestorePrice, ...] = Field(default_factory=aws_prices)
    gigabyte_month: Price = 0.023
    """For keeping 2^30 bytes of restored copies for 30 days."""

    def of(self, storage_class: str, tier: Tier) -> RestorePrice:
        """The price of one class and tier; raises KeyError where the class does not offer it."""
        for one in self.restores:
            if (one.storage_class, one.tier) == (storage_class, tier):
                return one
        raise KeyError(f"{storage_class} {tier}")
