"""Who may do what: a bearer token's claims, and the scope that each route asks for.

The token itself is checked before: by API Gateway's JWT authorizer on AWS, by the local server
otherwise. Both hand over its claims at the same place of the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from services.ingests_api.problems import Refusal

READ = "ingests:read"
WRITE = "ingests:write"
CONTENT = "content:read"
LOCKED = "content:locked"
ALL_SCOPES = (READ, WRITE, CONTENT, LOCKED)
ANY = ""
"""Any valid token will do."""

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
    ("GET", "/courses/<course_id>/versions/<version>/content/<path>"): CONTENT,
    ("GET", "/reports/backfill"): READ,
    ("GET", "/locations"): READ,
    ("GET", "/dead-letters"): READ,
    ("POST", "/dead-letters/redrive"): WRITE,
    ("GET", "/openapi.json"): ANY,
    ("GET", "/docs"): ANY,
}
"""Route → scope; locked content asks for `content:locked` besides."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever holds the token."""

    sub: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises Refusal (403) without the scope."""
        if scope != ANY and scope not in self.scopes:
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                "missing-scope",
                f"This needs a token with the scope {scope}.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )


def principal_of(event: Mapping[str, Any], *, scope_prefix: str = "") -> Principal:
    """Whom the event's claims name; raises Refusal (401) where they name nobody.

    `scope_prefix` is what the issuer puts before its scopes, such as `resource-server/`.
    """
    context = event.get("requestContext") or {}
    jwt = (context.get("authorizer") or {}).get("jwt") or {}
    claims = jwt.get("claims") or {}
    sub = claims.get("sub") or claims.get("client_id")
    if not isinstance(sub, str):
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "missing-token",
            "This needs a valid bearer token in the Authorization header.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    granted = str(claims.get("scope") or "").split()
    scopes = (one.removeprefix(scope_prefix) for one in granted if one.startswith(scope_prefix))
    return Principal(sub, frozenset(scopes))
