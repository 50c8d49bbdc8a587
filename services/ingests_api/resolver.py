"""The router: Powertools' resolver of HTTP API events, made safe to use from several threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext


class Resolver(APIGatewayHttpResolver):
    """One thread's resolver; every thread needs its own.

    Powertools keeps the request on a class that all resolvers share, where threads overwrite each
    other's. An attribute of the instance hides that one.
    """

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answers the event."""
        self.current_event = APIGatewayProxyEventV2(dict(event))
        self.lambda_context = context
        answer: dict[str, Any] = super().resolve(event, context)
        return answer


class Next(Protocol):
    """The rest of the chain that a middleware stands in."""

    def __call__(self, app: Resolver) -> Response[Any]:
        """Goes on with the request."""
        ...
