"""Endpoints: a method and a path, what answers it, and how it is described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from services.ingests_api.resolver import Next, Resolver

Middleware = Callable[[Resolver, Next], Response[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route. `path` has `<names>`; `before` runs between the token's check and the handler."""

    method: str
    path: str
    handler: Callable[..., Response[Any]]
    tag: str
    summary: str
    answers: dict[int, OpenAPIResponse]
    description: str = ""
    before: tuple[Middleware, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tables of endpoints go by."""
        return self.method, self.path


def methods_at(path: str, endpoints: Mapping[tuple[str, str], Endpoint]) -> list[str]:
    """The methods that a path, as the router sees it, has; none where there is no such path."""
    segments = path.split("/")
    return sorted(
        {method for method, template in endpoints if _fits(template.split("/"), segments)}
    )


def _fits(template: list[str], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        bool(segment) if name.startswith("<") else name == segment
        for name, segment in zip(template, segments, strict=True)
    )
