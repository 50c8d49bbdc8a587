"""The base of everything stored or answered: frozen, camelCase outside, unknown fields refused."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Record(BaseModel):
    """A frozen value with camelCase names in JSON and DynamoDB, snake_case names in code."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid"
    )

    def to_item(self) -> dict[str, Any]:
        """JSON-ready attributes; what is null is left out, so that sparse indexes stay sparse."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> Self:
        """Reads what `to_item` wrote; attributes that belong to the table alone are passed over."""
        known = {field.alias for field in cls.model_fields.values()}
        return cls.model_validate({name: item[name] for name in item if name in known})
