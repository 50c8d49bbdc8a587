"""Alarms: each is told of, each leads to its section of the runbook, and each section to one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from course_backfill.cli.app import app
from course_backfill.ingests import IngestStatus
from course_backfill.messages import SERVICES
from course_backfill.metrics import INGESTS, NAMESPACE, STALLED_INGESTS
from infra.alarms import RUNBOOK, own_metric
from infra.stage import FUNCTIONS, Stage
from services.janitor.gauges import EVERY
from tests.infra.templates import Template, Templates, attribute, loaded, of_type, stack

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
OF_WORKERS = {"errors", "throttles", "dead-letters", "unburied-dead-letters", "oldest-message"}


@pytest.fixture(params=["dev", "prod"])
def pipeline(request: pytest.FixtureRequest, templates: Templates) -> Template:
    return stack(templates, str(request.param), "-pipeline")


def alarms(pipeline: Template) -> dict[str, dict[str, Any]]:
    """Name → properties."""
    return {one["AlarmName"]: one for one in of_type(pipeline, "AWS::CloudWatch::Alarm").values()}


def of_section(pipeline: Template, kind: str) -> list[dict[str, Any]]:
    """The alarms that lead to a section."""
    return [one for one in alarms(pipeline).values() if section_of(one) == kind]


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


def test_failed_ingests_of_all_workers_are_counted_together(pipeline: Template) -> None:
    (alarm,) = of_section(pipeline, "failed-ingests")
    looked_at = [one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one]
    dimensions = [
        {one["Name"]: one["Value"] for one in stat["Metric"]["Dimensions"]} for stat in looked_at
    ]
    assert {one["service"] for one in dimensions} == set(SERVICES)
    assert {one["status"] for one in dimensions} == {IngestStatus.FAILED}
    for stat, one in zip(looked_at, dimensions, strict=True):
        assert tuple(one) == tuple(sorted(INGESTS.dimensions))
        assert (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"]) == (
            NAMESPACE,
            INGESTS.name,
        )
        assert (stat["Stat"], stat["Period"]) == ("Sum", 3_600)
    (told,) = (one["Expression"] for one in alarm["Metrics"] if one.get("ReturnData") is not False)
    # CloudWatch cannot alarm on a search, and has no figure for a service that failed none.
    assert told == "SUM(FILL(METRICS(), 0))"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (10, 1)
    # CloudWatch's bound for an alarm.
    assert len(looked_at) <= 10


def test_a_janitor_that_does_not_sweep_is_seen_by_its_silence(pipeline: Template) -> None:
    (alarm,) = of_section(pipeline, "silent-janitor")
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Statistic"] == "SampleCount"
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
    # Of all stages the slowest sweeps three times meanwhile, and each time counts what it emits.
    (slowest,) = (
        one.le for one in Stage.model_fields["sweep_minutes"].metadata if hasattr(one, "le")
    )
    assert alarm["Period"] >= 3 * 60 * slowest
    assert alarm["Period"] > EVERY.total_seconds()
    assert alarm["MetricName"] == STALLED_INGESTS.name
    dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    assert tuple(dimensions) == STALLED_INGESTS.dimensions
    assert dimensions["service"] == "janitor"


def test_alarms_watch_values_that_their_metric_has() -> None:
    for metric, value in ((INGESTS, "broken"), (INGESTS, None), (STALLED_INGESTS, "failed")):
        with pytest.raises(ValueError, match="not emitted"):
            own_metric(metric, "backfill", "planner", by=value)


def test_commands_in_the_sections_of_alarms_are_there() -> None:
    section = OPERATIONS.read_text().partition("\n## Alarms\n")[2].partition("\n## ")[0]
    told = set(re.findall(r"`course-backfill ([a-z-]+)([^`]*)`", section))
    assert told
    commands = typer.main.get_group(app).commands
    for command, rest in told:
        known = {one for param in commands[command].params for one in param.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, command


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
