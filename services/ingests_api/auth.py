"""Who may do what: a bearer token's claims, and the scope that each route asks for.

The token itself is checked before: by API Gateway's JWT authorizer on AWS, by the local server
otherwise. Both hand over its claims at the same place of the event. Nothing else of this package
looks at claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeGuard

from course_backfill.api_clients import ALL_SCOPES
from course_backfill.ingests import SCHEDULE
from services.ingests_api.problems import Refusal

READ = "ingests:read"
WRITE = "ingests:write"
CONTENT = "content:read"
LOCKED = "content:locked"
ANY = ""
"""Any of the scopes will do."""

PUBLIC = frozenset({("GET", "/health")})
"""The routes that ask for no token."""
DESCRIPTIONS = frozenset({("GET", "/openapi.json"), ("GET", "/docs")})
"""Routes that tell nothing but what the API is like; an operator may open them."""

SCOPES = {
    ("POST", "/ingests"): WRITE,
    ("GET", "/ingests"): READ,
    ("GET", "/ingests/<ingest_id>"): READ,
    ("GET", "/ingests/<ingest_id>/events"): READ,
    ("GET", "/ingests/<ingest_id>/failures"): READ,
    ("POST", "/ingests/<ingest_id>/cancel"): WRITE,
    ("POST", "/ingests/<ingest_id>/retry"): WRITE,
    ("POST", "/ingests/<ingest_id>/restore-tier"): WRITE,
    ("POST", "/discoveries"): WRITE,
    ("GET", "/discoveries/<discovery_id>"): READ,
    ("GET", "/courses"): READ,
    ("GET", "/courses/<course_id>"): READ,
    ("GET", "/courses/<course_id>/versions"): READ,
    ("GET", "/courses/<course_id>/versions/<version>"): READ,
    ("GET", "/courses/<course_id>/versions/<version>/entries"): READ,
    ("GET", "/courses/<course_id>/versions/<version>/content"): CONTENT,
    ("GET", "/courses/<course_id>/versions/<version>/content/<path>"): CONTENT,
    ("GET", "/reports/backfill"): READ,
    ("GET", "/locations"): READ,
    ("GET", "/dead-letters"): READ,
    ("POST", "/dead-letters/redrive"): WRITE,
    ("GET", "/openapi.json"): ANY,
    ("GET", "/docs"): ANY,
}
"""Route → scope; locked content asks for `content:locked` besides."""


LONGEST_NAME = 255
"""As long as OpenID Connect lets a subject be."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever holds the token; `sub` is a printable name of bounded length, safe to record."""

    sub: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises Refusal (403) without the scope; for ANY, without a single one."""
        enough = ALL_SCOPES if scope == ANY else (scope,)
        if self.scopes.isdisjoint(enough):
            named = sorted(enough)
            challenge = f'Bearer error="insufficient_scope", scope="{" ".join(named)}"'
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                "missing-scope",
                f"This needs a token with the scope {' or '.join(named)}.",
                headers={"WWW-Authenticate": challenge},
            )


def principal_of(event: Mapping[str, Any], *, scope_prefix: str = "") -> Principal:
    """Whom the event's claims name; raises Refusal (401) where they name nobody.

    `scope_prefix` is what the issuer puts before its scopes, such as `resource-server/`. Claims of
    another shape than the gateway's give nothing: no name, or no scope.
    """
    claims = _inside(event, "requestContext", "authorizer", "jwt", "claims")
    if not claims:
        raise _no_token("missing-token", "Bearer")
    # The gateway takes a person's id token for one too; it says who somebody is, not what for.
    is_access = claims.get("token_use", "access") == "access"
    sub = claims.get("sub") or claims.get("client_id")
    if not is_access or not _is_name(sub):
        raise _no_token("invalid-token", 'Bearer error="invalid_token"')
    granted = claims.get("scope")
    words = granted.split(" ") if isinstance(granted, str) else []
    scopes = (one.removeprefix(scope_prefix) for one in words if one.startswith(scope_prefix))
    return Principal(sub, frozenset(scopes).intersection(ALL_SCOPES))


def _inside(part: object, *names: str) -> Mapping[str, Any]:
    """What lies below these names; empty where something else lies there, or nothing."""
    for name in names:
        part = part.get(name) if isinstance(part, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _is_name(sub: object) -> TypeGuard[str]:
    """Whether it can be recorded, logged and shown as it is, and is nobody else's name."""
    return (
        isinstance(sub, str)
        and 0 < len(sub) <= LONGEST_NAME
        and sub.isprintable()
        and sub == sub.strip()
        and sub != SCHEDULE
    )


def _no_token(kind: str, challenge: str) -> Refusal:
    return Refusal(
        HTTPStatus.UNAUTHORIZED,
        kind,
        "This needs a valid access token in the Authorization header: Bearer and the token.",
        headers={"WWW-Authenticate": challenge},
    )
