"""The gateway's routes, made from the one table of what asks for which scope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from course_backfill.api_clients import ALL_SCOPES
from services.ingests_api.auth import ANY, DESCRIPTIONS, PUBLIC, SCOPES

COURSE = "/courses/<course_id>"
OLD_COURSE = "/courses/<course_id>/<course>/<run>"
"""The gateway decodes a path before it looks for a route, so that a course key of the old form has
three segments whatever its client wrote. The first is called alike in both, since it is one place.
"""
WITH_SLASHES = "<path>"
"""The variable that takes all the rest of a path."""


@dataclass(frozen=True, slots=True)
class GatewayRoute:
    """A route as API Gateway writes it; it asks for one of `scopes`, without any for no token."""

    method: str
    path: str
    scopes: frozenset[str]


def gateway_routes(*, is_described_to_all: bool) -> list[GatewayRoute]:
    """Every route of the API; `is_described_to_all` as the setting open_description says it."""
    is_open = PUBLIC | (DESCRIPTIONS if is_described_to_all else frozenset())
    return [
        GatewayRoute(method, _gateway_path(form), _scopes((method, path), is_open))
        for method, path in sorted(SCOPES.keys() | PUBLIC)
        for form in _forms(path)
    ]


def _forms(path: str) -> Iterator[str]:
    yield path
    if path.startswith(COURSE):
        yield OLD_COURSE + path.removeprefix(COURSE)


def _gateway_path(path: str) -> str:
    path = path.replace(WITH_SLASHES, f"{WITH_SLASHES[:-1]}+>")
    return re.sub(r"<(\w+\+?)>", r"{\1}", path)


def _scopes(key: tuple[str, str], is_open: frozenset[tuple[str, str]]) -> frozenset[str]:
    if key in is_open:
        return frozenset()
    # Without a scope a route would let any token of the issuer in, also one that says who somebody
    # is and not what for: where any scope will do, one of ours still has to be there.
    scope = SCOPES[key]
    return frozenset(ALL_SCOPES if scope == ANY else (scope,))
