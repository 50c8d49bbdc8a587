"""What the stacks make is what `course-backfill setup` makes: names, keys, rules, everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.setup import create_resources
from course_backfill.local.embedded_aws.server import running_embedded_aws
from course_backfill.resources import Resources
from infra.stage import Stage
from infra.storage_stack import is_ours
from tests.infra.templates import Template, Templates, attribute, loaded, named, of_type, stack

STAGES = ("dev", "prod")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with running_embedded_aws() as url:
        yield url


class Local:
    """An installation as `setup` makes it of a stage's settings, described in AWS's own words."""

    def __init__(self, stage: Stage, endpoint: str) -> None:
        settings = stage.settings.model_copy(update={"aws_endpoint_url": endpoint})
        self.clients = AwsClients.connect(settings)
        self.resources = Resources.of(stage.settings)
        create_resources(settings, self.clients)

    def tables(self) -> dict[str, Any]:
        return {
            one.name: {
                **self._table(one.name),
                "PointInTimeRecoverySpecification": self._backups(one.name),
            }
            for one in self.resources.tables
        }

    def _table(self, name: str) -> dict[str, Any]:
        found = self.clients.dynamodb.describe_table(TableName=name)["Table"]
        return {
            "KeySchema": found["KeySchema"],
            "AttributeDefinitions": found["AttributeDefinitions"],
            "BillingMode": found["BillingModeSummary"]["BillingMode"],
            "DeletionProtectionEnabled": found["DeletionProtectionEnabled"],
            "GlobalSecondaryIndexes": [
                {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
                for index in found["GlobalSecondaryIndexes"]
            ],
        }

    def _backups(self, name: str) -> dict[str, bool]:
        found = self.clients.dynamodb.describe_continuous_backups(TableName=name)
        status = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        return {"PointInTimeRecoveryEnabled": status["PointInTimeRecoveryStatus"] == "ENABLED"}

    def queues(self) -> dict[str, Any]:
        names = [name for one in self.resources.queues for name in (one.name, one.dead_letters)]
        return {name: self._queue(name) for name in names}

    def _queue(self, name: str) -> dict[str, Any]:
        sqs = self.clients.sqs
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        redrive = json.loads(found.get("RedrivePolicy", "{}"))
        return {
            "VisibilityTimeout": int(found["VisibilityTimeout"]),
            "MessageRetentionPeriod": int(found["MessageRetentionPeriod"]),
            "SqsManagedSseEnabled": found["SqsManagedSseEnabled"] == "true",
            "deadLetters": redrive.get("deadLetterTargetArn", "").rsplit(":", 1)[-1],
            "receives": int(redrive.get("maxReceiveCount", 0)),
        }

    def buckets(self) -> dict[str, Any]:
        """But for those of locations that their owners make."""
        made = (one for one in self.resources.buckets if not one.location or is_ours(one.location))
        return {one.name: self._bucket(one.name) for one in made}

    def _bucket(self, name: str) -> dict[str, Any]:
        s3 = self.clients.s3
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        closed = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        return {
            "versioning": s3.get_bucket_versioning(Bucket=name).get("Status"),
            "closed": dict(closed),
            "rules": sorted(map(_rule, rules), key=str),
        }


def _rule(rule: Any) -> dict[str, Any]:
    return {
        "Id": rule["ID"],
        "Status": rule["Status"],
        "Prefix": rule.get("Filter", {}).get("Prefix") or rule.get("Prefix") or "",
        "days": rule.get("Expiration", {}).get("Days"),
        "abort": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
    }


def tables_of(template: Template) -> dict[str, Any]:
    left_out = {"TableName", "Tags"}
    return {
        name: {part: value for part, value in table.items() if part not in left_out}
        for name, table in named(template, "AWS::DynamoDB::Table", "TableName").items()
    }


def queues_of(template: Template) -> dict[str, Any]:
    by_id = of_type(template, "AWS::SQS::Queue")
    return {
        queue["QueueName"]: {
            "VisibilityTimeout": queue["VisibilityTimeout"],
            "MessageRetentionPeriod": queue["MessageRetentionPeriod"],
            "SqsManagedSseEnabled": queue["SqsManagedSseEnabled"],
            "deadLetters": _dead_letters(queue, by_id),
            "receives": queue.get("RedrivePolicy", {}).get("maxReceiveCount", 0),
        }
        for queue in by_id.values()
    }


def _dead_letters(queue: dict[str, Any], by_id: dict[str, Any]) -> str:
    policy = queue.get("RedrivePolicy")
    return str(by_id[attribute(policy["deadLetterTargetArn"])]["QueueName"]) if policy else ""


def buckets_of(stacks: dict[str, Template]) -> dict[str, Any]:
    """Those with a name: access logs are the stacks' own."""
    return {
        bucket["BucketName"]: {
            "versioning": bucket.get("VersioningConfiguration", {}).get("Status"),
            "closed": bucket["PublicAccessBlockConfiguration"],
            "rules": sorted(
                map(_synthesised_rule, bucket["LifecycleConfiguration"]["Rules"]), key=str
            ),
        }
        for template in stacks.values()
        for bucket in of_type(template, "AWS::S3::Bucket").values()
        if "BucketName" in bucket
    }


def _synthesised_rule(rule: Any) -> dict[str, Any]:
    return {
        "Id": rule["Id"],
        "Status": rule["Status"],
        "Prefix": rule.get("Prefix", ""),
        "days": rule.get("ExpirationInDays"),
        "abort": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
    }


@pytest.mark.parametrize("stage", STAGES)
def test_everything_is_made_alike_here_and_there(
    stage: str, templates: Templates, endpoint: str
) -> None:
    local = Local(loaded(stage), endpoint)
    assert tables_of(stack(templates, stage, "-storage")) == local.tables()
    assert queues_of(stack(templates, stage, "-pipeline")) == local.queues()
    assert buckets_of(templates[stage]) == local.buckets()
