"""Who asks and what they may do: principals, and a concrete request for every route."""

from __future__ import annotations

from collections.abc import Iterable

from course_backfill.api_clients import ALL_SCOPES
from services.ingests_api.auth import ANY, LOCKED, PUBLIC, SCOPES
from tests.services.memory_pipeline import COURSE

Route = tuple[str, str]

FILLED = {
    "<ingest_id>": "i",
    "<discovery_id>": "d",
    "<course_id>": str(COURSE),
    "<version>": "v1",
    "<path>": "assets/a.txt",
}
ROUTES: tuple[Route, ...] = tuple(sorted({*SCOPES, *PUBLIC}))

PREFIX = "backfill/"
PRINCIPALS: dict[str, tuple[str, ...] | None] = {
    "nobody": None,
    "somebody who may nothing": (),
    **{f"only {scope}": (scope,) for scope in ALL_SCOPES},
    **{
        f"all but {scope}": tuple(one for one in ALL_SCOPES if one != scope) for scope in ALL_SCOPES
    },
    "everything": ALL_SCOPES,
    "a stranger's scope": ("courses:switch", "ingests", "ingests:*", "INGESTS:READ", "*"),
}
"""Name → scopes, None where there is no token."""


def concrete(path: str) -> str:
    """A path of that route."""
    for name, value in FILLED.items():
        path = path.replace(name, value)
    return path


def refusal(route: Route, scopes: Iterable[str] | None, *, is_locked: bool = False) -> int | None:
    """The status with which a principal of these scopes is refused; None for one who may."""
    if route in PUBLIC:
        return None
    if scopes is None:
        return 401
    granted = set(scopes) & {*ALL_SCOPES}
    needed = {SCOPES.get(route, ANY), *([LOCKED] if is_locked else [])} - {ANY}
    return None if granted and needed <= granted else 403
