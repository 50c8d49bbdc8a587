"""The base of everything that is answered, by the API and in callbacks."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Shown(BaseModel):
    """The base of everything that is answered: camelCase; every field always there, or null."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        json_schema_serialization_defaults_required=True,
    )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> bytes:
        """The JSON text."""
        return orjson.dumps(self.to_dict())
