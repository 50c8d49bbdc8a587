"""The pipeline as it is synthesised: queues and their triggers, alarms, schedules, the network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from course_backfill.messages import READS_MONGODB, SERVICES
from infra.environment import environment
from infra.stage import API, FUNCTIONS
from tests.infra.templates import Template, Templates, attribute, loaded, named, of_type, stack

STAGES = ("dev", "prod")


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pipeline(templates: Templates, stage: str) -> Template:
    return stack(templates, stage, "-pipeline")


def functions(pipeline: Template, stage: str) -> dict[str, dict[str, Any]]:
    """Function → properties."""
    found = named(pipeline, "AWS::Lambda::Function", "FunctionName")
    start = f"{loaded(stage).settings.namespace}-"
    return {name.removeprefix(start): one for name, one in found.items()}


def test_there_is_a_function_for_each_service_and_no_other(pipeline: Template, stage: str) -> None:
    found = functions(pipeline, stage)
    assert set(found) == set(FUNCTIONS)
    handlers = {name: one["Handler"] for name, one in found.items()}
    assert handlers == {
        name: f"services.{name.replace('-', '_')}.handler.lambda_handler" for name in FUNCTIONS
    }
    assert {tuple(one["Architectures"]) for one in found.values()} == {("arm64",)}


def test_functions_have_the_settings_of_their_stage_and_no_secret(
    pipeline: Template, stage: str
) -> None:
    settings = loaded(stage).settings
    assert settings.mongo_uri is None
    assert settings.callback_secret is None
    for name, one in functions(pipeline, stage).items():
        variables = one["Environment"]["Variables"]
        assert environment(settings).items() <= variables.items(), name
        assert not any("mongodb://" in json.dumps(value) for value in variables.values())


def test_messages_stay_hidden_for_six_runs_of_their_function(
    pipeline: Template, stage: str
) -> None:
    queues = of_type(pipeline, "AWS::SQS::Queue")
    by_id = of_type(pipeline, "AWS::Lambda::Function")
    for trigger in of_type(pipeline, "AWS::Lambda::EventSourceMapping").values():
        queue = queues[attribute(trigger["EventSourceArn"])]
        timeout = by_id[attribute(trigger["FunctionName"])]["Timeout"]
        assert queue["VisibilityTimeout"] >= 6 * timeout


def test_each_run_has_one_message_and_says_which_failed(pipeline: Template, stage: str) -> None:
    limits = loaded(stage).functions
    triggers = list(of_type(pipeline, "AWS::Lambda::EventSourceMapping").values())
    for trigger in triggers:
        assert trigger["BatchSize"] == 1
        assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queues = of_type(pipeline, "AWS::SQS::Queue")
    at_once = {
        queues[attribute(one["EventSourceArn"])]["QueueName"]: one["ScalingConfig"]
        for one in triggers
    }
    namespace = loaded(stage).settings.namespace
    for service in SERVICES:
        wanted = {"MaximumConcurrency": limits.at_once_of(service)}
        assert at_once[f"{namespace}-{service}"] == wanted


def test_lambda_lets_those_go_on_who_send_to_themselves(pipeline: Template, stage: str) -> None:
    loops = {name: one["RecursiveLoop"] for name, one in functions(pipeline, stage).items()}
    assert loops == dict.fromkeys(SERVICES, "Allow") | {API: "Terminate"}


def test_dead_letters_of_all_go_to_the_janitor(pipeline: Template, stage: str) -> None:
    queues = of_type(pipeline, "AWS::SQS::Queue")
    by_id = of_type(pipeline, "AWS::Lambda::Function")
    takers = {
        queues[attribute(one["EventSourceArn"])]["QueueName"]: by_id[
            attribute(one["FunctionName"])
        ]["FunctionName"]
        for one in of_type(pipeline, "AWS::Lambda::EventSourceMapping").values()
    }
    namespace = loaded(stage).settings.namespace
    dead = {f"{namespace}-{one}-dead-letters" for one in SERVICES}
    assert {takers[name] for name in dead} == {f"{namespace}-janitor"}
    assert {takers[f"{namespace}-{one}"] for one in SERVICES} == {
        f"{namespace}-{one}" for one in SERVICES
    }


def test_every_function_writes_to_a_log_that_ends_and_outlives_the_pipeline(
    templates: Templates, pipeline: Template, stage: str
) -> None:
    """A log that the pipeline made and left behind would keep it from being made again."""
    kept = stack(templates, stage, "-storage")
    groups = named(kept, "AWS::Logs::LogGroup", "LogGroupName")
    days = loaded(stage).log_retention_days
    assert {one["RetentionInDays"] for one in groups.values()} == {days}
    wanted = {
        name: f"/aws/lambda/{one['FunctionName']}"
        for name, one in functions(pipeline, stage).items()
    }
    assert set(wanted.values()) == set(groups)
    assert wanted == {
        name: one["LoggingConfig"]["LogGroup"] for name, one in functions(pipeline, stage).items()
    }


def test_schedules_reach_their_functions(pipeline: Template, stage: str) -> None:
    rules = named(pipeline, "AWS::Events::Rule", "Name")
    by_id = of_type(pipeline, "AWS::Lambda::Function")
    namespace = loaded(stage).settings.namespace
    reached = {
        name.removeprefix(f"{namespace}-"): [
            by_id[attribute(target["Arn"])]["FunctionName"] for target in rule["Targets"]
        ]
        for name, rule in rules.items()
    }
    assert reached == {
        "sweeps": [f"{namespace}-janitor"],
        "discoveries": [f"{namespace}-planner"],
        "restores": [f"{namespace}-warmer"],
    }
    assert rules[f"{namespace}-sweeps"]["ScheduleExpression"] == "rate(1 minute)"
    assert rules[f"{namespace}-discoveries"]["ScheduleExpression"] == "rate(1 hour)"


def test_restores_are_told_of_wherever_the_bucket_is(templates: Templates) -> None:
    (home,) = (
        one
        for one in of_type(stack(templates, "prod", "-pipeline"), "AWS::Events::Rule").values()
        if one.get("EventPattern")
    )
    assert home["EventPattern"]["detail-type"] == ["Object Restore Completed"]
    buckets = home["EventPattern"]["detail"]["bucket"]["name"]
    assert buckets == ["backfill-prod-primary", "backfill-prod-archive", "partner-course-content"]
    (abroad,) = of_type(
        stack(templates, "prod", "-storage-eu-central-1"), "AWS::Events::Rule"
    ).values()
    assert abroad["EventPattern"]["detail"]["bucket"]["name"] == ["backfill-prod-archive"]
    (target,) = abroad["Targets"]
    assert "events:eu-west-1:222222222222:event-bus/default" in json.dumps(target["Arn"])


def test_the_bus_of_domain_events_is_the_one_that_functions_are_told_of(
    templates: Templates, stage: str
) -> None:
    (bus,) = of_type(stack(templates, stage, "-storage"), "AWS::Events::EventBus").values()
    assert bus["Name"] == loaded(stage).settings.event_bus


def test_a_schedule_that_failed_is_left_to_the_next(pipeline: Template, stage: str) -> None:
    by_id = of_type(pipeline, "AWS::Lambda::Function")
    tried = {
        by_id[attribute(one["FunctionName"])]["FunctionName"]: one["MaximumRetryAttempts"]
        for one in of_type(pipeline, "AWS::Lambda::EventInvokeConfig").values()
    }
    namespace = loaded(stage).settings.namespace
    assert tried == {f"{namespace}-janitor": 0, f"{namespace}-planner": 0}


def groups_of(pipeline: Template, function: dict[str, Any]) -> list[dict[str, Any]]:
    """What the security groups of a function let it reach."""
    ids = {attribute(one) for one in function["VpcConfig"]["SecurityGroupIds"]}
    rules = [
        rule
        for name in ids
        for rule in pipeline["Resources"][name]["Properties"]["SecurityGroupEgress"]
    ]
    return rules + [
        one
        for one in of_type(pipeline, "AWS::EC2::SecurityGroupEgress").values()
        if attribute(one["GroupId"]) in ids
    ]


def test_only_the_notifier_is_outside_and_only_three_reach_mongodb(templates: Templates) -> None:
    pipeline = stack(templates, "prod", "-pipeline")
    found = functions(pipeline, "prod")
    assert {name for name, one in found.items() if "VpcConfig" not in one} == {"notifier"}
    mongodb = {
        name
        for name, one in found.items()
        if name != "notifier"
        and any(rule.get("FromPort") == 27_017 for rule in groups_of(pipeline, one))
    }
    assert mongodb == set(READS_MONGODB)


def test_nobody_inside_reaches_the_internet(templates: Templates) -> None:
    pipeline = stack(templates, "prod", "-pipeline")
    for name, one in functions(pipeline, "prod").items():
        if name == "notifier":
            continue
        for rule in groups_of(pipeline, one):
            reached = {rule.get("CidrIp"), rule.get("CidrIpv6")} - {None}
            assert reached <= {"10.20.0.0/16", "255.255.255.255/32"}, name
            if "DestinationPrefixListId" in rule or "DestinationSecurityGroupId" in rule:
                assert (rule["FromPort"], rule["ToPort"]) == (443, 443)


def test_a_stage_without_a_network_has_no_vpc(templates: Templates) -> None:
    pipeline = stack(templates, "dev", "-pipeline")
    assert not [one for one in pipeline["Resources"].values() if "::EC2::" in one["Type"]]
    assert all("VpcConfig" not in one for one in functions(pipeline, "dev").values())


def test_endpoints_let_in_the_functions_alone(templates: Templates) -> None:
    pipeline = stack(templates, "prod", "-pipeline")
    services = {
        str(one["ServiceName"]).rsplit(".", 1)[-1].rstrip('"]}')
        for one in of_type(pipeline, "AWS::EC2::VPCEndpoint").values()
    }
    assert {"sqs", "secretsmanager", "sts"} <= {one.strip("\"' ") for one in services}
    for rule in of_type(pipeline, "AWS::EC2::SecurityGroupIngress").values():
        assert "SourceSecurityGroupId" in rule
        assert rule["FromPort"] == 443


def test_the_pipeline_holds_nothing_that_is_to_be_kept(pipeline: Template) -> None:
    kept = {"AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket"}
    assert not [one for one in pipeline["Resources"].values() if one["Type"] in kept]


def test_nothing_with_a_name_of_its_own_stays_when_the_pipeline_is_deleted(
    pipeline: Template,
) -> None:
    """It would be in the way of the next one."""
    staying = [
        one
        for one in pipeline["Resources"].values()
        if one.get("DeletionPolicy", "Delete") != "Delete"
    ]
    assert [one["Type"] for one in staying] == ["AWS::KMS::Key"]


def test_templates_leave_room_to_grow(templates: Templates) -> None:
    for stacks in templates.values():
        for name, template in stacks.items():
            assert len(json.dumps(template)) < 700_000, name
            assert len(template["Resources"]) < 350, name


def test_api_is_told_apart_from_the_workers() -> None:
    assert API not in SERVICES


def test_the_bus_and_the_dashboard_are_told_by_their_names(pipeline: Template, stage: str) -> None:
    outputs = {name: one["Value"] for name, one in pipeline["Outputs"].items()}
    assert outputs["EventBusName"] == loaded(stage).settings.event_bus
    assert attribute(outputs["DashboardName"]) in of_type(pipeline, "AWS::CloudWatch::Dashboard")
