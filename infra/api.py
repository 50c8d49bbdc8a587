"""The HTTP API in front of the function that answers it: routes, who may pass, logs, alarms."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import cast

from aws_cdk import Acknowledgment, CfnOutput, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_authorizers import HttpUserPoolAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from course_backfill.api_clients import ALL_SCOPES
from course_backfill.errors import InvalidInput, Problem
from course_backfill.metrics import NAMESPACE
from course_backfill.settings import environment_name
from infra.alarms import Alarms, in_five_minutes
from infra.api_clients import ApiClients, scope_prefix, token_url
from infra.api_routes import GatewayRoute, gateway_routes
from infra.function_logs import retention
from infra.stage import API, Stage

TIMEOUT_SECONDS = 29
"""As long as an HTTP API waits for a function; one that runs on answers nobody."""

LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "method": "$context.httpMethod",
    "client": "$context.authorizer.claims.client_id",
    "responseBytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "functionMilliseconds": "$context.integrationLatency",
    "functionStatus": "$context.integrationStatus",
    "error": "$context.error.responseType",
    "tokenError": "$context.authorizer.error",
}
"""Nothing that a client wrote: no path, no query, no header, and so no token and no forged line."""


class Api(Construct):
    """A route for each line of the table, each behind a token with its scope.

    What is no route reaches the function too, with any of the scopes: it alone says 404 and 405.
    CORS is off, since no page of another site asks; connections are TLS 1.2, all that an HTTP API
    speaks.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        function: lambda_.Function,
        alarms: Alarms,
    ) -> None:
        """Raises InvalidInput where the stage has no clients, so that nobody could ask."""
        super().__init__(scope, construct_id)
        if not stage.clients:
            raise InvalidInput(Problem(f"{stage.name}.toml: clients", "is not set"))
        self._clients = ApiClients(self, "Clients", stage=stage)
        self._tell_function(function, stage)
        self._gateway = self._make_gateway(stage, function)
        self._allow_default_route(function)
        for route in gateway_routes(is_described_to_all=stage.settings.open_description):
            self._add_route(route, stage)
        self._access_logs = self._make_access_logs(stage)
        self._stage = self._make_stage(stage)
        self._watch(stage, alarms)
        self._tell_people(stage)

    def _tell_function(self, function: lambda_.Function, stage: Stage) -> None:
        """It holds every token against its own table again, so it reads scopes as they come."""
        function.add_environment(environment_name("scope_prefix"), scope_prefix(stage))
        function.add_environment(environment_name("token_url"), token_url(stage))

    def _make_gateway(self, stage: Stage, function: lambda_.Function) -> gateway.HttpApi:
        self._integration = HttpLambdaIntegration(
            "Function",
            function,
            timeout=Duration.seconds(TIMEOUT_SECONDS),
            # A statement for each route would come near to what a function's policy may be long.
            scope_permission_to_route=False,
        )
        return gateway.HttpApi(
            self,
            "Gateway",
            api_name=stage.function_name(API),
            description=f"Course backfill, {stage.name}: GET /docs describes it",
            create_default_stage=False,
            default_integration=self._integration,
            default_authorizer=HttpUserPoolAuthorizer(
                "Machines",
                self._clients.pool,
                user_pool_clients=list(self._clients.clients.values()),
            ),
            default_authorization_scopes=_prefixed(ALL_SCOPES, stage),
        )

    def _allow_default_route(self, function: lambda_.Function) -> None:
        """The permission for all routes is for those with a method and a path, of which this has
        neither."""
        function.add_permission(
            "ApiDefaultRoute",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=Stack.of(self).format_arn(
                service="execute-api", resource=self._gateway.api_id, resource_name="*/$default"
            ),
        )

    def _add_route(self, route: GatewayRoute, stage: Stage) -> None:
        made = self._gateway.add_routes(
            path=route.path,
            methods=[gateway.HttpMethod(route.method)],
            integration=self._integration,
            authorizer=None if route.scopes else gateway.HttpNoneAuthorizer(),
            authorization_scopes=_prefixed(route.scopes, stage),
        )
        if not route.scopes:
            Validations.of(made[0]).acknowledge(
                Acknowledgment(
                    id="AwsSolutions::AwsSolutions-APIG4",
                    reason="It tells nothing but that it answers, or, where open_description says "
                    "so, what the API is like: tests/services/test_ingests_api_access.py.",
                )
            )

    def _make_access_logs(self, stage: Stage) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "AccessLogs",
            # Below this prefix the account's one policy for log deliveries does not grow.
            log_group_name=f"/aws/vendedlogs/{stage.function_name(API)}",
            retention=retention(stage.log_retention_days),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _make_stage(self, stage: Stage) -> gateway.HttpStage:
        logged = LOGGED | {"service": API, "namespace": stage.settings.namespace}
        # A number, so that it can be compared; it is there for every request.
        line = f'{json.dumps(logged)[:-1]}, "status": $context.status}}'
        made = gateway.HttpStage(
            self,
            "Stage",
            http_api=self._gateway,
            auto_deploy=True,
            throttle=gateway.ThrottleSettings(
                rate_limit=stage.throttling.requests_per_second,
                burst_limit=stage.throttling.burst,
            ),
        )
        cast(
            gateway.CfnStage, made.node.default_child
        ).access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=self._access_logs.log_group_arn, format=line
        )
        return made

    def _watch(self, stage: Stage, alarms: Alarms) -> None:
        name = stage.function_name(API)
        throttled = logs.MetricFilter(
            self,
            "Throttled",
            log_group=self._access_logs,
            filter_pattern=logs.FilterPattern.number_value("$.status", "=", 429),
            metric_namespace=NAMESPACE,
            metric_name="ApiThrottled",
            dimensions={"service": "$.service", "namespace": "$.namespace"},
        )
        counted = {"service": API, "namespace": stage.settings.namespace}
        alarms.watch(
            self,
            "api-errors",
            in_five_minutes(self._stage.metric_server_error()),
            of="gateway",
            says=f"{name} answered 5xx more than four times within five minutes.",
            above=4,
        )
        alarms.watch(
            self,
            "api-throttled",
            in_five_minutes(throttled.metric(dimensions_map=counted)),
            of="gateway",
            says=f"{name} refused over 100 requests within five minutes, being more than "
            "throttling.requests_per_second.",
            above=100,
        )
        alarms.watch(
            self,
            "api-slow",
            in_five_minutes(self._stage.metric_latency(), "p99"),
            of="gateway",
            says=f"{name} took over ten seconds for one request of a hundred, a quarter of an hour "
            "long.",
            above=10_000,
            periods=3,
        )

    def _tell_people(self, stage: Stage) -> None:
        clients = self._clients.clients.items()
        told = {
            "ApiUrl": self._gateway.api_endpoint,
            "TokenUrl": token_url(stage),
            "UserPoolId": self._clients.pool.user_pool_id,
            "ClientIds": Stack.of(self).to_json_string(
                {name: client.user_pool_client_id for name, client in clients}
            ),
        }
        for name, value in told.items():
            CfnOutput(self, name, value=value).override_logical_id(name)


def _prefixed(scopes: Iterable[str], stage: Stage) -> list[str]:
    return sorted(scope_prefix(stage) + one for one in scopes)
