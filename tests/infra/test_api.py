"""The HTTP API as CloudFormation gets it: who may pass, what is written down, what alarms."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from aws_cdk import App, Environment, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from cdk_nag import AwsSolutionsChecks

from course_backfill.errors import InvalidInput
from course_backfill.settings import Settings
from infra.api import Api
from infra.api_routes import gateway_routes
from infra.stage import API, Stage
from services.ingests_api.auth import ALL_SCOPES, principal_of

CLIENTS = {"operator": ["ingests:write", "ingests:read"], "lms": ["content:read"]}
GIVEN: dict[str, Any] = {
    "account": "111111111111",
    "region": "eu-west-1",
    "settings": {"namespace": "backfill", "mongo_uri_secret_name": "backfill/mongodb"},
    "clients": [{"name": name, "scopes": scopes} for name, scopes in CLIENTS.items()],
    "throttling": {"requests_per_second": 7, "burst": 11},
    "log_retention_days": 30,
}
RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"

Properties = dict[str, Any]


class Synthesised:
    """A stack with the API alone, as CloudFormation gets it."""

    def __init__(self, **given: Any) -> None:
        stage = Stage.of("test", GIVEN | given)
        app = App()
        # An unsuppressed finding fails the synthesis.
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        stack = Stack(app, "Test", env=Environment(account=stage.account, region=stage.region))
        self.api = Api(stack, "Api", stage=stage, function=_function(stack))
        assembly = app.synth()
        self.template: Properties = assembly.get_stack_by_name("Test").template

    def of(self, kind: str) -> dict[str, Properties]:
        """Logical id → properties of every resource of a kind."""
        resources = self.template["Resources"].items()
        return {name: one["Properties"] for name, one in resources if one["Type"] == f"AWS::{kind}"}

    def only(self, kind: str) -> Properties:
        [found] = self.of(kind).values()
        return found


def _function(stack: Stack) -> lambda_.Function:
    """A function that has no findings of its own."""
    return lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler="handler.lambda_handler",
        code=lambda_.Code.from_inline("never run"),
        role=iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::111111111111:role/of-a-test"),
    )


@pytest.fixture(scope="module")
def synthesised() -> Synthesised:
    return Synthesised()


def plain(value: Any) -> Any:
    """Joined texts, with the logical ids that they refer to."""
    match value:
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(str(plain(one)) for one in parts)
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case _:
            return value


# --- routes and tokens ---


def test_every_route_asks_for_a_token_with_its_scope_and_health_for_none(
    synthesised: Synthesised,
) -> None:
    [authorizer] = synthesised.of("ApiGatewayV2::Authorizer")
    made = {}
    for route in synthesised.of("ApiGatewayV2::Route").values():
        made[route["RouteKey"]] = set(route.get("AuthorizationScopes", ()))
        is_open = route["RouteKey"] == "GET /health"
        assert route["AuthorizationType"] == ("NONE" if is_open else "JWT")
        assert plain(route.get("AuthorizerId")) == (None if is_open else authorizer)
    expected = {
        f"{one.method} {one.path}": {f"backfill/{scope}" for scope in one.scopes}
        for one in gateway_routes(is_described_to_all=False)
    }
    assert made == expected | {"$default": {f"backfill/{scope}" for scope in ALL_SCOPES}}


def test_a_token_has_to_be_of_this_pool_and_of_one_of_its_clients(
    synthesised: Synthesised,
) -> None:
    [pool] = synthesised.of("Cognito::UserPool")
    clients = set(synthesised.of("Cognito::UserPoolClient"))
    authorizer = plain(synthesised.only("ApiGatewayV2::Authorizer"))
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    issuer = authorizer["JwtConfiguration"]["Issuer"]
    assert issuer == f"https://cognito-idp.eu-west-1.amazonaws.com/{pool}"
    assert set(authorizer["JwtConfiguration"]["Audience"]) == clients


def test_each_client_gets_tokens_of_an_hour_with_exactly_its_scopes_and_nothing_else(
    synthesised: Synthesised,
) -> None:
    server = synthesised.only("Cognito::UserPoolResourceServer")
    assert server["Identifier"] == "backfill"
    assert [one["ScopeName"] for one in server["Scopes"]] == list(ALL_SCOPES)
    made = {}
    for client in plain(synthesised.of("Cognito::UserPoolClient")).values():
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
    assert made == {f"backfill-{name}": set(scopes) for name, scopes in CLIENTS.items()}


def test_the_pool_is_of_machines_and_nobody_can_sign_up(synthesised: Synthesised) -> None:
    pool = synthesised.only("Cognito::UserPool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["MfaConfiguration"] == "ON"
    assert not synthesised.of("Cognito::UserPoolUser")
    assert not synthesised.of("Cognito::IdentityPool")


def test_the_function_reads_scopes_as_the_pool_writes_them(synthesised: Synthesised) -> None:
    with patch.dict("os.environ", synthesised.only("Lambda::Function")["Environment"]["Variables"]):
        settings = Settings.load()
    client, *_ = plain(synthesised.of("Cognito::UserPoolClient")).values()
    server = synthesised.only("Cognito::UserPoolResourceServer")
    written = {
        f"{server['Identifier']}/{one.partition('/')[2]}" for one in client["AllowedOAuthScopes"]
    }
    claims = {"sub": "x", "client_id": "x", "token_use": "access", "scope": " ".join(written)}
    event = {"requestContext": {"authorizer": {"jwt": {"claims": claims}}}}
    principal = principal_of(event, scope_prefix=settings.scope_prefix)
    assert principal.scopes == set(CLIENTS["operator"])


def test_the_function_and_people_are_told_the_same_place_of_tokens(
    synthesised: Synthesised,
) -> None:
    variables = synthesised.only("Lambda::Function")["Environment"]["Variables"]
    domain = synthesised.only("Cognito::UserPoolDomain")["Domain"]
    expected = f"https://{domain}.auth.eu-west-1.amazoncognito.com/oauth2/token"
    assert domain == "backfill-111111111111"
    assert variables["COURSE_BACKFILL_TOKEN_URL"] == expected
    outputs = synthesised.template["Outputs"]
    assert outputs["TokenUrl"]["Value"] == expected
    assert set(outputs) == {"ApiUrl", "TokenUrl", "UserPoolId", "ClientIds"}
    ids = json.loads(plain(outputs["ClientIds"]["Value"]))
    clients = plain(synthesised.of("Cognito::UserPoolClient"))
    assert {name: clients[one]["ClientName"] for name, one in ids.items()} == {
        name: f"backfill-{name}" for name in CLIENTS
    }


def test_no_secret_of_a_client_is_in_the_template(synthesised: Synthesised) -> None:
    assert "ClientSecret" not in json.dumps(synthesised.template)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"clients": []}, "clients"),
        ({"settings": GIVEN["settings"] | {"namespace": "lawschool"}}, "settings.namespace"),
    ],
)
def test_a_stage_that_cannot_be_deployed_is_refused_by_what_is_wrong(
    given: Mapping[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        Synthesised(**given)
    assert [one.pointer for one in refused.value.problems] == [f"test.toml: {named}"]


def test_two_findings_are_acknowledged_each_with_its_evidence(synthesised: Synthesised) -> None:
    acknowledged = {
        (rule, construct.node.id)
        for construct in synthesised.api.node.find_all()
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


def test_the_function_lets_this_api_call_it_on_every_route(synthesised: Synthesised) -> None:
    [api] = synthesised.of("ApiGatewayV2::Api")
    permissions = plain(synthesised.of("Lambda::Permission")).values()
    assert {one["Principal"] for one in permissions} == {"apigateway.amazonaws.com"}
    allowed = [one["SourceArn"].partition(f":{api}/")[2] for one in permissions]
    for route in synthesised.of("ApiGatewayV2::Route").values():
        # As the gateway names the route that it calls for; a wildcard passes over slashes.
        arn = f"$default/{route['RouteKey'].replace(' /', '/')}"
        assert any(fnmatchcase(arn, re.sub(r"([\[\]])", r"[\1]", one)) for one in allowed), arn


def test_there_is_one_integration_that_waits_as_long_as_the_gateway_can(
    synthesised: Synthesised,
) -> None:
    integration = synthesised.only("ApiGatewayV2::Integration")
    assert integration["PayloadFormatVersion"] == "2.0"
    assert integration["TimeoutInMillis"] == 29_000


def test_requests_are_throttled_as_the_stage_says(synthesised: Synthesised) -> None:
    stage = synthesised.only("ApiGatewayV2::Stage")
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 7, "ThrottlingBurstLimit": 11}
    assert "RouteSettings" not in stage


def test_no_page_of_another_site_may_ask_and_the_one_endpoint_is_the_gateways(
    synthesised: Synthesised,
) -> None:
    api = synthesised.only("ApiGatewayV2::Api")
    assert "CorsConfiguration" not in api
    assert not api.get("DisableExecuteApiEndpoint")
    assert api["ProtocolType"] == "HTTP"


# --- what is written down ---


def test_a_line_of_the_access_log_is_json_with_nothing_that_a_client_wrote(
    synthesised: Synthesised,
) -> None:
    text = synthesised.only("ApiGatewayV2::Stage")["AccessLogSettings"]["Format"]
    line = json.loads(re.sub(r"\$context\.status\b", "200", text))
    assert line["status"] == 200
    assert (line["service"], line["namespace"]) == (API, "backfill")
    variables = set(re.findall(r"\$context\.[\w.]+", text))
    written_by_clients = {"path", "identity.userAgent", "error.message", "domainName"}
    assert variables.isdisjoint(f"$context.{one}" for one in written_by_clients)
    assert "request.header" not in text
    assert "querystring" not in text.lower()
    claims = {one for one in variables if ".claims." in one}
    assert claims == {"$context.authorizer.claims.client_id"}


def test_access_logs_go_to_a_log_that_is_kept_as_long_as_the_stage_says(
    synthesised: Synthesised,
) -> None:
    [(name, log)] = synthesised.of("Logs::LogGroup").items()
    settings = synthesised.only("ApiGatewayV2::Stage")["AccessLogSettings"]
    assert plain(settings["DestinationArn"]) == name
    assert log["RetentionInDays"] == 30
    assert log["LogGroupName"].startswith("/aws/vendedlogs/")


# --- alarms ---


def test_every_alarm_leads_to_its_section_of_the_runbook(synthesised: Synthesised) -> None:
    headings = re.findall(r"^### (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    anchors = {one.lower().replace(":", "").replace(" ", "-") for one in headings}
    found = set()
    for alarm in synthesised.of("CloudWatch::Alarm").values():
        sentence, _, link = alarm["AlarmDescription"].rpartition(" ")
        assert sentence.endswith(".")
        page, _, anchor = link.partition("#")
        assert page == "docs/operations.md"
        assert anchor in anchors
        assert alarm["TreatMissingData"] == "notBreaching"
        found.add(anchor)
    assert found == {"alarm-api-errors", "alarm-api-throttled", "alarm-api-slow"}
    assert len(synthesised.api.alarms) == len(found)


def test_alarms_watch_this_api_alone(synthesised: Synthesised) -> None:
    [api] = synthesised.of("ApiGatewayV2::Api")
    watched = {}
    for alarm in plain(synthesised.of("CloudWatch::Alarm")).values():
        of = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        watched[alarm["Namespace"], alarm["MetricName"]] = of
    assert watched == {
        ("AWS/ApiGateway", "5xx"): {"ApiId": api, "Stage": "$default"},
        ("AWS/ApiGateway", "Latency"): {"ApiId": api, "Stage": "$default"},
        ("CourseBackfill", "ApiThrottled"): {"service": API, "namespace": "backfill"},
    }


def test_what_the_gateway_refuses_as_too_much_is_counted_from_its_log(
    synthesised: Synthesised,
) -> None:
    counted = plain(synthesised.only("Logs::MetricFilter"))
    [log] = synthesised.of("Logs::LogGroup")
    assert counted["LogGroupName"] == log
    assert counted["FilterPattern"] == "{ $.status = 429 }"
    [metric] = counted["MetricTransformations"]
    line = synthesised.only("ApiGatewayV2::Stage")["AccessLogSettings"]["Format"]
    for dimension in metric["Dimensions"]:
        assert f'"{dimension["Value"].removeprefix("$.")}"' in line
