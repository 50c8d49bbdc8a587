"""What the gateway writes down of requests, and what of it alarms."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infra.stage import API
from tests.infra.gateway import NAMESPACE, STAGE, Pipeline, plain
from tests.infra.templates import Templates, stack

ACCESS_LOGS = "/aws/vendedlogs/"
RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture(scope="module")
def pipeline(templates: Templates) -> Pipeline:
    return Pipeline(stack(templates, STAGE.name, "pipeline"))


def test_a_line_of_the_access_log_is_json_with_nothing_that_a_client_wrote(
    pipeline: Pipeline,
) -> None:
    text = pipeline.only("ApiGatewayV2::Stage")["AccessLogSettings"]["Format"]
    line = json.loads(re.sub(r"\$context\.status\b", "200", text))
    assert line["status"] == 200
    assert (line["service"], line["namespace"]) == (API, NAMESPACE)
    variables = set(re.findall(r"\$context\.[\w.]+", text))
    written_by_clients = {"path", "identity.userAgent", "error.message", "domainName"}
    assert variables.isdisjoint(f"$context.{one}" for one in written_by_clients)
    assert "request.header" not in text
    assert "querystring" not in text.lower()
    claims = {one for one in variables if ".claims." in one}
    assert claims == {"$context.authorizer.claims.client_id"}


def test_access_logs_go_to_a_log_that_is_kept_as_long_as_the_stage_says(
    pipeline: Pipeline,
) -> None:
    [(name, log)] = pipeline.of("Logs::LogGroup", LogGroupName=ACCESS_LOGS).items()
    settings = pipeline.only("ApiGatewayV2::Stage")["AccessLogSettings"]
    assert plain(settings["DestinationArn"]) == name
    assert log["RetentionInDays"] == STAGE.log_retention_days


# --- alarms ---


def test_every_alarm_leads_to_its_section_of_the_runbook(pipeline: Pipeline) -> None:
    headings = re.findall(r"^### (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    anchors = {one.lower().replace(":", "").replace(" ", "-") for one in headings}
    found = set()
    for alarm in pipeline.of("CloudWatch::Alarm", AlarmName=f"{NAMESPACE}-gateway-").values():
        sentence, _, link = alarm["AlarmDescription"].partition(" What to do: ")
        assert sentence.endswith(".")
        assert alarm["AlarmActions"]
        page, _, anchor = link.partition("#")
        assert page == "docs/operations.md"
        assert anchor in anchors
        assert alarm["TreatMissingData"] == "notBreaching"
        found.add(anchor)
    assert found == {"alarm-api-errors", "alarm-api-throttled", "alarm-api-slow"}


def test_alarms_watch_this_api_alone(pipeline: Pipeline) -> None:
    [api] = pipeline.of("ApiGatewayV2::Api")
    watched = {}
    for alarm in plain(
        pipeline.of("CloudWatch::Alarm", AlarmName=f"{NAMESPACE}-gateway-")
    ).values():
        of = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        watched[alarm["Namespace"], alarm["MetricName"]] = of
    assert watched == {
        ("AWS/ApiGateway", "5xx"): {"ApiId": api, "Stage": "$default"},
        ("AWS/ApiGateway", "Latency"): {"ApiId": api, "Stage": "$default"},
        ("CourseBackfill", "ApiThrottled"): {"service": API, "namespace": NAMESPACE},
    }


def test_what_the_gateway_refuses_as_too_much_is_counted_from_its_log(
    pipeline: Pipeline,
) -> None:
    counted = plain(pipeline.only("Logs::MetricFilter"))
    [log] = pipeline.of("Logs::LogGroup", LogGroupName=ACCESS_LOGS)
    assert counted["LogGroupName"] == log
    assert counted["FilterPattern"] == "{ $.status = 429 }"
    [metric] = counted["MetricTransformations"]
    line = pipeline.only("ApiGatewayV2::Stage")["AccessLogSettings"]["Format"]
    for dimension in metric["Dimensions"]:
        assert f'"{dimension["Value"].removeprefix("$.")}"' in line
