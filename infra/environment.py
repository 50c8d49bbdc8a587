"""Settings as the environment variables of a function, from which it loads the very same ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from course_backfill.settings import Settings, environment_name

LARGEST = 4_096
"""Bytes of names and values that Lambda takes for a function."""

GIVEN_BY_LAMBDA = frozenset({"aws_region"})
"""Settings whose variable Lambda sets by itself, and lets nobody else set."""


def environment(settings: Settings) -> dict[str, str]:
    """Variable → value of every setting that is not its default; raises ValueError for a secret.

    `Settings.load()` gives equal settings where these, and AWS_REGION, are all that is set.
    """
    usual = Settings(namespace=settings.namespace)
    variables = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if _holds_secret(value):
            raise ValueError(f"{name} is a secret: no place for it in an environment")
        is_usual = value == getattr(usual, name) and name != "namespace"
        if name not in GIVEN_BY_LAMBDA and not is_usual:
            variables[environment_name(name)] = _text(settings, name)
    return variables


def size_of(variables: Mapping[str, str]) -> int:
    """Bytes, as Lambda counts them."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())


def _text(settings: Settings, name: str) -> str:
    value: Any = getattr(settings, name)
    if isinstance(value, BaseModel):
        return _json(_own(value))
    if isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
        return _json([_own(one) for one in value])
    shown: Any = settings.model_dump(mode="json", include={name})[name]
    if isinstance(shown, bool):
        return str(shown).lower()
    return ",".join(map(str, shown)) if isinstance(shown, list) else str(shown)


def _own(record: BaseModel) -> dict[str, Any]:
    return record.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _json(shown: Any) -> str:
    return json.dumps(shown, separators=(",", ":"))


def _holds_secret(value: Any) -> bool:
    match value:
        case SecretStr():
            return True
        case tuple():
            return any(map(_holds_secret, value))
        case BaseModel():
            return any(_holds_secret(inside) for _, inside in value)
        case _:
            return False
