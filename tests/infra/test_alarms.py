"""Alarms: each is told of, each leads to its section of the runbook, and each section to one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from course_backfill.messages import SERVICES
from infra.alarms import RUNBOOK
from infra.stage import FUNCTIONS
from tests.infra.templates import Template, Templates, attribute, loaded, of_type, stack

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
OF_WORKERS = {"errors", "throttles", "dead-letters", "unburied-dead-letters", "oldest-message"}


@pytest.fixture(params=["dev", "prod"])
def pipeline(request: pytest.FixtureRequest, templates: Templates) -> Template:
    return stack(templates, str(request.param), "-pipeline")


def alarms(pipeline: Template) -> dict[str, dict[str, Any]]:
    """Name → properties."""
    return {one["AlarmName"]: one for one in of_type(pipeline, "AWS::CloudWatch::Alarm").values()}


def section_of(alarm: dict[str, Any]) -> str:
    """Where the description leads."""
    found = re.search(rf"{re.escape(RUNBOOK)}([a-z-]+)", alarm["AlarmDescription"])
    assert found, alarm["AlarmDescription"]
    return found[1]


def test_each_alarm_is_told_of_at_the_one_topic(pipeline: Template) -> None:
    (topic,) = of_type(pipeline, "AWS::SNS::Topic")
    for name, alarm in alarms(pipeline).items():
        assert [attribute(one) for one in alarm["AlarmActions"]] == [topic], name


def test_each_alarm_leads_to_a_section_that_is_there(pipeline: Template) -> None:
    sections = set(re.findall(r"^### Alarm: ([a-z-]+)$", OPERATIONS.read_text(), re.MULTILINE))
    wanted = {section_of(alarm) for alarm in alarms(pipeline).values()}
    assert wanted == sections


def test_each_worker_is_watched(pipeline: Template) -> None:
    found: dict[str, set[str]] = {}
    for name, alarm in alarms(pipeline).items():
        kind = section_of(alarm)
        found.setdefault(name.removesuffix(f"-{kind}"), set()).add(kind)
    of_services = {
        service: kinds
        for service in SERVICES
        for name, kinds in found.items()
        if name.endswith(f"-{service}")
    }
    assert set(of_services) == set(SERVICES)
    for service, kinds in of_services.items():
        assert kinds >= OF_WORKERS, service
    assert len(alarms(pipeline)) >= len(SERVICES) * len(OF_WORKERS) + len(FUNCTIONS) - len(SERVICES)


def test_dead_letters_that_the_janitor_takes_and_cannot_bury_are_seen(pipeline: Template) -> None:
    for name, alarm in alarms(pipeline).items():
        if section_of(alarm) == "unburied-dead-letters":
            looked_at = [one for one in alarm["Metrics"] if "MetricStat" in one]
            assert {one["MetricStat"]["Metric"]["MetricName"] for one in looked_at} == {
                "ApproximateNumberOfMessagesVisible",
                "ApproximateNumberOfMessagesNotVisible",
            }, name
            assert {one["MetricStat"]["Stat"] for one in looked_at} == {"Average"}
            assert 0.5 < alarm["Threshold"] < 1


def test_the_topic_is_encrypted_and_asks_for_tls(pipeline: Template) -> None:
    (topic,) = of_type(pipeline, "AWS::SNS::Topic").values()
    assert topic["KmsMasterKeyId"]
    (policy,) = of_type(pipeline, "AWS::SNS::TopicPolicy").values()
    statements = policy["PolicyDocument"]["Statement"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [
        one.get("Condition") for one in statements if one["Effect"] == "Deny"
    ]


def test_somebody_is_told_where_the_stage_names_an_address(templates: Templates) -> None:
    (told,) = of_type(stack(templates, "prod", "-pipeline"), "AWS::SNS::Subscription").values()
    assert told["Endpoint"] == loaded("prod").alarm_email
    assert not of_type(stack(templates, "dev", "-pipeline"), "AWS::SNS::Subscription")
