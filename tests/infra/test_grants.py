"""Who may do what, as the synthesised templates have it, whatever wrote it there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.arns import Arns
from infra.stage import API, FUNCTIONS
from tests.infra.policies import Policy, texts
from tests.infra.templates import Templates, attribute, loaded, of_type, stack

STAGES = ("dev", "prod")
DELETES = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket")
NEVER = (
    "s3:PutBucketPolicy",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketVersioning",
    "s3:BypassGovernanceRetention",
    "s3:PutObjectAcl",
    "dynamodb:DeleteTable",
    "dynamodb:Scan",
    "dynamodb:BatchWriteItem",
    "dynamodb:PartiQLUpdate",
    "sqs:PurgeQueue",
    "sqs:DeleteQueue",
    "iam:PassRole",
    "kms:Decrypt",
    "secretsmanager:PutSecretValue",
)


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def policies(templates: Templates, stage: str) -> dict[str, Policy]:
    """Function → what it may do."""
    template, made = stack(templates, stage, "-pipeline"), loaded(stage)
    return {name: Policy.of_function(template, made.function_name(name)) for name in FUNCTIONS}


def who(policies: dict[str, Policy], *actions: str) -> set[str]:
    """The functions that may do any of these, to anything."""
    return {
        name
        for name, policy in policies.items()
        if any(policy.statements_with(action) for action in actions)
    }


def on(policy: Policy, action: str) -> set[str]:
    """The resources that a function may do it to."""
    return {
        one for statement in policy.statements_with(action) for one in texts(statement["Resource"])
    }


def test_only_the_janitor_deletes_and_only_below_the_prefixes_of_courses(
    policies: dict[str, Policy], stage: str
) -> None:
    assert who(policies, *DELETES) == {"janitor"}
    for action in DELETES:
        for resource in on(policies["janitor"], action):
            assert resource.endswith("courses/*")
            assert resource.count("*") == 1
    assert not on(policies["janitor"], "s3:PutObject")
    assert not on(policies["janitor"], "s3:GetObject")


def test_only_those_who_copy_write_to_locations(policies: dict[str, Policy], stage: str) -> None:
    work = loaded(stage).settings.work_bucket
    writers = {
        name
        for name, policy in policies.items()
        if any(f":::{work}/" not in one for one in on(policy, "s3:PutObject"))
    }
    assert writers == {"replicator", "aggregator"}
    assert who(policies, "s3:RestoreObject") == {"warmer"}


def test_only_those_who_read_mongodb_read_its_secret(
    policies: dict[str, Policy], stage: str
) -> None:
    arns, settings = Arns(loaded(stage)), loaded(stage).settings
    secret = arns.secret(str(settings.mongo_uri_secret_name))
    readers = {
        name
        for name, policy in policies.items()
        if secret in on(policy, "secretsmanager:GetSecretValue")
    }
    assert readers == {"planner", "replicator", "verifier"}


def test_only_the_notifier_has_the_key_of_callbacks_and_speaks_to_others(
    policies: dict[str, Policy], stage: str
) -> None:
    settings, arns = loaded(stage).settings, Arns(loaded(stage))
    key = settings.callback_secret_name
    holders = {
        name
        for name, policy in policies.items()
        if key and arns.secret(key) in on(policy, "secretsmanager:GetSecretValue")
    }
    assert holders == ({"notifier"} if key else set())
    assert who(policies, "events:PutEvents") == {"notifier"}
    assert on(policies["notifier"], "events:PutEvents") == {arns.bus()}
    assert not who(policies, "sns:Publish", "ses:SendEmail", "lambda:InvokeFunction")


def test_only_the_planner_and_the_register_add_to_the_courses(
    policies: dict[str, Policy], stage: str
) -> None:
    courses = Arns(loaded(stage)).table("courses")
    adding = {name for name, one in policies.items() if courses in on(one, "dynamodb:PutItem")}
    assert adding == {"planner", "register"}
    assert not any(courses in on(one, "dynamodb:DeleteItem") for one in policies.values())


def changed(policy: Policy, table: str, action: str = "dynamodb:UpdateItem") -> set[str]:
    """The attributes that a function may change of the items of a table; fails for all of them."""
    return {
        attribute
        for statement in policy.statements_with(action)
        if table in texts(statement["Resource"])
        for attribute in texts(
            statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
        )
    }


REGISTERS = {"versions", "latestVersion", "latestObjects", "latestBytes", "latestExceptions"}


def test_courses_are_changed_by_attribute(policies: dict[str, Policy], stage: str) -> None:
    courses = Arns(loaded(stage)).table("courses")
    by = {name: changed(policy, courses) for name, policy in policies.items()}
    assert {name for name, found in by.items() if found >= REGISTERS} == {"register"}
    assert {name for name, found in by.items() if "lastVersionNumber" in found} == {"planner"}
    # In a condition alone: `latestVersion` is what the planner compared the source with.
    assert {name for name, found in by.items() if "latestVersion" in found} == {
        "planner",
        "register",
    }
    assert not any(found & {"liveVersion", "org", "discoveredDate"} for found in by.values())
    assert by["notifier"] == set()
    # An ingest that cannot go on is ended, and the lease given back, by whoever finds out.
    ending = by[API]
    assert {name for name, found in by.items() if found == ending} == {
        *(API, "warmer", "replicator", "verifier", "aggregator", "janitor")
    }


def test_what_is_registered_is_not_made_by_the_planner(
    policies: dict[str, Policy], stage: str
) -> None:
    courses = Arns(loaded(stage)).table("courses")
    planned = changed(policies["planner"], courses, "dynamodb:PutItem")
    registered = changed(policies["register"], courses, "dynamodb:PutItem")
    assert "manifestSha256" in registered - planned
    assert not planned & {"activeIngest", "latestVersion", "manifestSha256"}


def test_nobody_may_do_what_no_function_has_to(policies: dict[str, Policy]) -> None:
    assert {action: who(policies, action) for action in NEVER if who(policies, action)} == {}
    named = {action for policy in policies.values() for action in policy.actions()}
    assert not {action for action in named if "*" in action}


def test_nothing_but_interfaces_is_granted_on_everything(policies: dict[str, Policy]) -> None:
    on_all = {
        action
        for policy in policies.values()
        for statement in policy.statements
        if "*" in texts(statement["Resource"])
        for action in texts(statement["Action"])
    }
    assert all(action.startswith("ec2:") for action in on_all)


def test_a_bucket_is_the_stages_own_as_long_as_its_account_has_it(
    policies: dict[str, Policy], stage: str
) -> None:
    """Names of buckets that are gone may be anybody's."""
    own = {"StringEquals": {"aws:ResourceAccount": loaded(stage).account}}
    for policy in policies.values():
        for statement in policy.statements:
            if any(action.startswith("s3:") for action in texts(statement["Action"])):
                found = {
                    operator: {key: "".join(texts(value)) for key, value in keys.items()}
                    for operator, keys in statement["Condition"].items()
                }
                assert found == own


def test_a_function_takes_messages_from_its_own_queue_alone_and_the_janitor_dead_ones(
    policies: dict[str, Policy], stage: str
) -> None:
    arns = Arns(loaded(stage))
    for name, policy in policies.items():
        own = set() if name == API else {arns.queue(name)}
        if name == "janitor":
            own |= {arns.dead_letters(one) for one in FUNCTIONS if one != API}
        assert on(policy, "sqs:ReceiveMessage") == own


def test_each_trigger_may_take_what_it_takes(templates: Templates, stage: str) -> None:
    template = stack(templates, stage, "-pipeline")
    queues, functions = (
        of_type(template, "AWS::SQS::Queue"),
        of_type(template, "AWS::Lambda::Function"),
    )
    arns = Arns(loaded(stage))
    triggers = of_type(template, "AWS::Lambda::EventSourceMapping").values()
    assert len(triggers) == 2 * (len(FUNCTIONS) - 1)
    for trigger in triggers:
        name = queues[attribute(trigger["EventSourceArn"])]["QueueName"]
        queue = arns.queue("").removesuffix(f"{loaded(stage).settings.namespace}-") + name
        function = functions[attribute(trigger["FunctionName"])]["FunctionName"]
        policy = Policy.of_function(template, function)
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            assert queue in on(policy, f"sqs:{action}"), (function, queue)


def test_roles_are_of_functions_alone_and_small_enough(templates: Templates, stage: str) -> None:
    roles = of_type(stack(templates, stage, "-pipeline"), "AWS::IAM::Role")
    assert len(roles) == len(FUNCTIONS)
    for role in roles.values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert _characters(role["Policies"]) < LONGEST_POLICY


LONGEST_POLICY = 10_240
"""Characters without spaces that AWS takes for all policies inside a role."""


def _characters(policies: list[Any]) -> int:
    documents = (json.dumps(one["PolicyDocument"], separators=(",", ":")) for one in policies)
    return sum(map(len, documents))
