"""Each function may do what it does, and hardly more: tried on every request of a full life."""

from __future__ import annotations

from collections import defaultdict

import pytest

from course_backfill.local.embedded_aws.server import running_embedded_aws
from infra.arns import Arns
from infra.stage import FUNCTIONS
from tests.infra.life import Life
from tests.infra.lives import live
from tests.infra.needed_rights import Request, needed
from tests.infra.policies import Policy
from tests.infra.recorded import Recorded, recording
from tests.infra.templates import Template, Templates, loaded, stack

pytestmark = pytest.mark.timeout(600)  # A life of thousands of requests, lived in one fixture.

STAGE = "prod"
NOT_SEEN = {
    "logs:CreateLogStream": "Lambda itself writes the log",
    "logs:PutLogEvents": "Lambda itself writes the log",
    "sqs:ReceiveMessage": "Lambda's trigger takes messages, in the function's name",
    "sqs:DeleteMessage": "Lambda's trigger takes messages, in the function's name",
    "sqs:GetQueueAttributes": "Lambda's trigger takes messages, in the function's name",
    "secretsmanager:GetSecretValue": "MongoDB and callbacks are in memory here",
    "s3:AbortMultipartUpload": "gives up an upload that S3 has failed",
    "s3:ListBucket": "tells what is missing from what is refused",
}
"""Actions that a function is granted, and is not seen to use here, and why it is."""
NOT_SEEN_OF = {
    ("aggregator", "s3:ListMultipartUploadParts"): "a manifest of more than 8 MiB, interrupted",
    ("aggregator", "s3:ListBucketMultipartUploads"): "a manifest of more than 8 MiB",
    ("notifier", "sqs:SendMessage"): "its own message again, near its deadline",
    ("notifier", "dynamodb:UpdateItem"): "the table of ingests is written by all alike",
    ("notifier", "dynamodb:ConditionCheckItem"): "the table of ingests is written by all alike",
    ("ingests-api", "dynamodb:ConditionCheckItem"): "the table of ingests is written by all alike",
    ("janitor", "dynamodb:ConditionCheckItem"): "parked where S3 is away",
    ("warmer", "sts:AssumeRole"): "a partner's location that is warmed",
}


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    """Every request that any function made, of a stage with all that a stage can have."""
    made: list[Request] = []
    with recording(made), running_embedded_aws() as endpoint:
        recorded = Recorded(loaded(STAGE), endpoint, made)
        live(Life(recorded, endpoint))
        recorded.close()
    return made


@pytest.fixture(scope="module")
def pipeline(templates: Templates) -> Template:
    return stack(templates, STAGE, "-pipeline")


@pytest.fixture(scope="module")
def policies(pipeline: Template) -> dict[str, Policy]:
    """Function → what the synthesised template lets it do."""
    stage = loaded(STAGE)
    return {name: Policy.of_function(pipeline, stage.function_name(name)) for name in FUNCTIONS}


def test_every_request_of_every_function_is_allowed(
    requests: list[Request], policies: dict[str, Policy]
) -> None:
    arns = Arns(loaded(STAGE))
    refused = {
        f"{request}: {right}"
        for request in requests
        if request.function in policies
        for right in needed(request, arns)
        if not policies[request.function].allows(right)
    }
    assert refused == set()


def test_the_life_that_was_recorded_has_everybody_at_work(requests: list[Request]) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        seen[request.function].add(request.operation)
    assert set(FUNCTIONS) <= set(seen)
    assert {"CopyObject", "CreateMultipartUpload", "CompleteMultipartUpload"} <= seen["replicator"]
    assert {"DeleteObjects", "AbortMultipartUpload"} <= seen["janitor"]
    assert "RestoreObject" in seen["warmer"]
    assert "PutEvents" in seen["notifier"]


def test_nothing_is_granted_that_nobody_needs(
    requests: list[Request], policies: dict[str, Policy]
) -> None:
    arns = Arns(loaded(STAGE))
    used: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        if request.function in policies:
            used[request.function] |= {right.action for right in needed(request, arns)}
    unused = {
        (function, action)
        for function, policy in policies.items()
        for action in policy.actions() - used[function]
        if action not in NOT_SEEN and not action.startswith("ec2:")  # Lambda makes interfaces.
    }
    assert unused - set(NOT_SEEN_OF) == set()
    assert set(NOT_SEEN_OF) - unused == set(), "these are used after all: take them off the list"


def test_whoever_acts_in_the_role_of_another_owner_touches_its_bucket_alone(
    requests: list[Request],
) -> None:
    of_roles = [one for one in requests if one.function.startswith("ASIA")]
    assert {one.bucket for one in of_roles} == {"partner-course-content"}
