"""Settings as the environment variables of a function, from which it loads the very same ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from course_backfill.settings import Settings, environment_name

LARGEST = 4_096
"""Bytes of names and values that Lambda takes for a function."""

GIVEN_BY_LAMBDA = frozenset({"aws_region"})
"""Settings whose variable Lambda sets by itself, and lets nobody else set."""

AS_JSON = frozenset({"locations", "restore_prices"})
"""Settings that are lists of more than texts."""


def environment(settings: Settings) -> dict[str, str]:
    """Variable → value of every setting that is not its default; raises ValueError for a secret.

    `Settings.load()` gives equal settings where these, and AWS_REGION, are all that is set.
    """
    usual = Settings(namespace=settings.namespace)
    variables = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            raise ValueError(f"{name} is a secret: no place for it in an environment")
        is_usual = value == getattr(usual, name) and name != "namespace"
        if name not in GIVEN_BY_LAMBDA and not is_usual:
            variables[environment_name(name)] = _text(settings, name)
    return variables


def size_of(variables: Mapping[str, str]) -> int:
    """Bytes, as Lambda counts them."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())


def _text(settings: Settings, name: str) -> str:
    value: Any = settings.model_dump(mode="json", include={name})[name]
    if name in AS_JSON:
        given = (
            one.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            for one in getattr(settings, name)
        )
        return json.dumps(list(given), separators=(",", ":"))
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ",".join(map(str, value))
        case _:
            return str(value)
