"""The guard: no request gets further than its token allows."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from services.ingests_api.auth import ANY, DESCRIPTIONS, PUBLIC, SCOPES, principal_of
from services.ingests_api.endpoints import Endpoint, methods_at
from services.ingests_api.problems import Refusal
from services.ingests_api.resolver import Next, Resolver


class Guard:
    """Stands before every route, and before paths that are none.

    Raises ValueError for a route that nobody gave a scope: it would be everyone's.
    """

    def __init__(
        self,
        endpoints: Mapping[tuple[str, str], Endpoint],
        *,
        scope_prefix: str,
        is_described_to_all: bool,
    ) -> None:
        if unguarded := endpoints.keys() - SCOPES.keys() - PUBLIC:
            raise ValueError(f"routes without a scope: {sorted(unguarded)}")
        self._endpoints = endpoints
        self._scope_prefix = scope_prefix
        self._open = PUBLIC | (DESCRIPTIONS if is_described_to_all else frozenset())

    def authorise(self, app: Resolver, next_middleware: Next) -> Response[Any]:
        """Finds out who asks, and whether they may; others are not even told what there is."""
        route = app.context["_route"]
        key = (route.method, route.path)
        if key not in self._open:
            principal = principal_of(app.current_event.raw_event, scope_prefix=self._scope_prefix)
            app.context["principal"] = principal
            app.context["known"] |= {"route": " ".join(key), "principal": principal.sub}
            principal.require(SCOPES.get(key, ANY))
        refused = app.context.get("refused")
        if refused:
            raise refused
        if key not in self._endpoints:
            raise self._no_route(app.context["_path"])
        return next_middleware(app)

    def _no_route(self, path: str) -> Refusal:
        methods = methods_at(path, self._endpoints)
        if not methods:
            return Refusal(
                HTTPStatus.NOT_FOUND, "no-such-route", "No such route; GET /docs shows all."
            )
        allowed = ", ".join(methods)
        return Refusal(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method-not-allowed",
            f"This path has {allowed}.",
            headers={"Allow": allowed},
        )
