"""The HTTP API as CloudFormation gets it: who may pass, and how."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_lambda as lambda_

from course_backfill.api_clients import ALL_SCOPES
from course_backfill.errors import InvalidInput
from course_backfill.settings import Settings
from infra.alarms import Alarms
from infra.api import Api
from infra.api_routes import gateway_routes
from infra.stage import API
from services.ingests_api.auth import principal_of
from tests.infra.gateway import NAMESPACE, STAGE, Pipeline, plain
from tests.infra.templates import Templates, stack

CLIENTS = {client.name: set(client.scopes) for client in STAGE.clients}
ACCESS_LOGS = "/aws/vendedlogs/"
RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture(scope="module")
def pipeline(templates: Templates) -> Pipeline:
    return Pipeline(stack(templates, STAGE.name, "pipeline"))


# --- routes and tokens ---


def test_every_route_asks_for_a_token_with_its_scope_and_health_for_none(
    pipeline: Pipeline,
) -> None:
    [authorizer] = pipeline.of("ApiGatewayV2::Authorizer")
    made = {}
    for route in pipeline.of("ApiGatewayV2::Route").values():
        made[route["RouteKey"]] = set(route.get("AuthorizationScopes", ()))
        is_open = route["RouteKey"] == "GET /health"
        assert route["AuthorizationType"] == ("NONE" if is_open else "JWT")
        assert plain(route.get("AuthorizerId")) == (None if is_open else authorizer)
    expected = {
        f"{one.method} {one.path}": {f"{NAMESPACE}/{scope}" for scope in one.scopes}
        for one in gateway_routes(is_described_to_all=False)
    }
    assert made == expected | {"$default": {f"{NAMESPACE}/{scope}" for scope in ALL_SCOPES}}


def test_a_token_has_to_be_of_this_pool_and_of_one_of_its_clients(
    pipeline: Pipeline,
) -> None:
    [pool] = pipeline.of("Cognito::UserPool")
    clients = set(pipeline.of("Cognito::UserPoolClient"))
    authorizer = plain(pipeline.only("ApiGatewayV2::Authorizer"))
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    issuer = authorizer["JwtConfiguration"]["Issuer"]
    assert issuer == f"https://cognito-idp.{STAGE.region}.amazonaws.com/{pool}"
    assert set(authorizer["JwtConfiguration"]["Audience"]) == clients


def test_each_client_gets_tokens_of_an_hour_with_exactly_its_scopes_and_nothing_else(
    pipeline: Pipeline,
) -> None:
    server = pipeline.only("Cognito::UserPoolResourceServer")
    assert server["Identifier"] == NAMESPACE
    assert [one["ScopeName"] for one in server["Scopes"]] == list(ALL_SCOPES)
    made = {}
    for client in plain(pipeline.of("Cognito::UserPoolClient")).values():
        scopes = {one.partition("/")[2] for one in client["AllowedOAuthScopes"]}
        made[client["ClientName"]] = scopes
        assert client["AllowedOAuthFlows"] == ["client_credentials"]
        assert client["AllowedOAuthFlowsUserPoolClient"] is True
        assert client["GenerateSecret"] is True
        # Nobody signs in with a password, and there is nothing to refresh.
        assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
        assert "SupportedIdentityProviders" not in client
        assert (client["AccessTokenValidity"], client["TokenValidityUnits"]) == (
            60,
            {"AccessToken": "minutes"},
        )
    assert made == {f"{NAMESPACE}-{name}": scopes for name, scopes in CLIENTS.items()}


def test_the_pool_is_of_machines_and_nobody_can_sign_up(pipeline: Pipeline) -> None:
    pool = pipeline.only("Cognito::UserPool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["MfaConfiguration"] == "ON"
    assert not pipeline.of("Cognito::UserPoolUser")
    assert not pipeline.of("Cognito::IdentityPool")


def test_the_function_reads_scopes_as_the_pool_writes_them(pipeline: Pipeline) -> None:
    with patch.dict("os.environ", pipeline.function["Environment"]["Variables"]):
        settings = Settings.load()
    client, *_ = plain(pipeline.of("Cognito::UserPoolClient")).values()
    server = pipeline.only("Cognito::UserPoolResourceServer")
    written = {
        f"{server['Identifier']}/{one.partition('/')[2]}" for one in client["AllowedOAuthScopes"]
    }
    claims = {"sub": "x", "client_id": "x", "token_use": "access", "scope": " ".join(written)}
    event = {"requestContext": {"authorizer": {"jwt": {"claims": claims}}}}
    principal = principal_of(event, scope_prefix=settings.scope_prefix)
    assert principal.scopes == CLIENTS["operator"]


def test_the_function_and_people_are_told_the_same_place_of_tokens(
    pipeline: Pipeline,
) -> None:
    variables = pipeline.function["Environment"]["Variables"]
    domain = pipeline.only("Cognito::UserPoolDomain")["Domain"]
    expected = f"https://{domain}.auth.{STAGE.region}.amazoncognito.com/oauth2/token"
    assert domain == f"{NAMESPACE}-{STAGE.account}"
    assert variables["COURSE_BACKFILL_TOKEN_URL"] == expected
    outputs = pipeline.template["Outputs"]
    assert outputs["TokenUrl"]["Value"] == expected
    assert {"ApiUrl", "UserPoolId"} < set(outputs)
    ids = json.loads(plain(outputs["ClientIds"]["Value"]))
    clients = plain(pipeline.of("Cognito::UserPoolClient"))
    assert {name: clients[one]["ClientName"] for name, one in ids.items()} == {
        name: f"{NAMESPACE}-{name}" for name in CLIENTS
    }


def test_no_secret_of_a_client_is_in_the_template(pipeline: Pipeline) -> None:
    assert "ClientSecret" not in json.dumps(pipeline.template)


def made(**changed: Any) -> Api:
    """The API of a stage like this one but for what is changed, in a stack of its own."""
    stage = STAGE.model_copy(update=changed)
    within = Stack(App(), "Test", env=Environment(account=stage.account, region=stage.region))
    function = lambda_.Function(
        within,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="handler.lambda_handler",
        code=lambda_.Code.from_inline("never run"),
    )
    return Api(
        within, "Api", stage=stage, function=function, alarms=Alarms(within, "Alarms", stage=stage)
    )


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"clients": ()}, "clients"),
        (
            {"settings": STAGE.settings.model_copy(update={"namespace": "lawschool"})},
            "settings.namespace",
        ),
    ],
)
def test_a_stage_that_cannot_be_deployed_is_refused_by_what_is_wrong(
    changed: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(**changed)
    assert [one.pointer for one in refused.value.problems] == [f"prod.toml: {named}"]


def test_two_findings_are_acknowledged_each_with_its_evidence() -> None:
    acknowledged = {
        (rule, construct.node.id)
        for construct in made().node.find_all()
        for entry in construct.node.metadata
        if entry.type == "aws:cdk:acknowledged-rules"
        for rule, reason in entry.data.items()
        if (Path(__file__).parents[2] / reason.rpartition(" ")[2].rstrip(".")).is_file()
    }
    assert acknowledged == {
        ("AwsSolutions::AwsSolutions-COG8", "Pool"),
        ("AwsSolutions::AwsSolutions-APIG4", "GET--health"),
    }


# --- the gateway ---


def test_the_function_lets_this_api_call_it_on_every_route(pipeline: Pipeline) -> None:
    [api] = pipeline.of("ApiGatewayV2::Api")
    permissions = plain(
        pipeline.of("Lambda::Permission", Principal="apigateway.amazonaws.com")
    ).values()
    [function] = pipeline.of("Lambda::Function", FunctionName=STAGE.function_name(API))
    assert {one["FunctionName"] for one in permissions} == {function}
    allowed = [one["SourceArn"].partition(f":{api}/")[2] for one in permissions]
    for route in pipeline.of("ApiGatewayV2::Route").values():
        # As the gateway names the route that it calls for; a wildcard passes over slashes.
        arn = f"$default/{route['RouteKey'].replace(' /', '/')}"
        assert any(fnmatchcase(arn, re.sub(r"([\[\]])", r"[\1]", one)) for one in allowed), arn


def test_there_is_one_integration_that_waits_as_long_as_the_gateway_can(
    pipeline: Pipeline,
) -> None:
    assert pipeline.function["Timeout"] == 29
    integration = pipeline.only("ApiGatewayV2::Integration")
    assert integration["PayloadFormatVersion"] == "2.0"
    assert integration["TimeoutInMillis"] == 29_000


def test_requests_are_throttled_as_the_stage_says(pipeline: Pipeline) -> None:
    stage = pipeline.only("ApiGatewayV2::Stage")
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": STAGE.throttling.requests_per_second,
        "ThrottlingBurstLimit": STAGE.throttling.burst,
    }
    assert "RouteSettings" not in stage


def test_no_page_of_another_site_may_ask_and_the_one_endpoint_is_the_gateways(
    pipeline: Pipeline,
) -> None:
    api = pipeline.only("ApiGatewayV2::Api")
    assert "CorsConfiguration" not in api
    assert not api.get("DisableExecuteApiEndpoint")
    assert api["ProtocolType"] == "HTTP"
