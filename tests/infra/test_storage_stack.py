"""What is kept: closed, encrypted, logged, and still there when the stacks are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.templates import Template, Templates, loaded, of_type, stack

KEPT = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::Events::EventBus"}


def storage(templates: Templates) -> list[Template]:
    """Every stack of any stage that keeps something."""
    return [
        template
        for stacks in templates.values()
        for name, template in stacks.items()
        if "-storage" in name
    ]


def buckets(templates: Templates) -> list[dict[str, Any]]:
    """Every bucket of any stage."""
    return [
        one
        for template in storage(templates)
        for one in of_type(template, "AWS::S3::Bucket").values()
    ]


def test_tables_buckets_logs_and_the_bus_outlive_their_stacks(templates: Templates) -> None:
    kept = [
        one
        for template in storage(templates)
        for one in template["Resources"].values()
        if one["Type"] in KEPT
    ]
    assert {one["DeletionPolicy"] for one in kept} == {"RetainExceptOnCreate"}
    assert {one["UpdateReplacePolicy"] for one in kept} == {"Retain"}


def test_buckets_are_encrypted_by_s3_itself_and_their_owner_owns_all(templates: Templates) -> None:
    for bucket in buckets(templates):
        rules = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert [one["ServerSideEncryptionByDefault"] for one in rules] == [
            {"SSEAlgorithm": "AES256"}
        ]
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_buckets_are_spoken_to_by_tls_alone(templates: Templates) -> None:
    for template in storage(templates):
        policies = of_type(template, "AWS::S3::BucketPolicy")
        assert len(policies) == len(of_type(template, "AWS::S3::Bucket"))
        for policy in policies.values():
            conditions = [
                one["Condition"]
                for one in policy["PolicyDocument"]["Statement"]
                if one["Effect"] == "Deny"
            ]
            assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
            assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions


def test_every_bucket_but_the_one_of_logs_is_logged(templates: Templates) -> None:
    for template in storage(templates):
        (logs,) = (
            name
            for name, one in of_type(template, "AWS::S3::Bucket").items()
            if "BucketName" not in one
        )
        for name, bucket in of_type(template, "AWS::S3::Bucket").items():
            if name != logs:
                assert bucket["LoggingConfiguration"]["DestinationBucketName"] == {"Ref": logs}


def test_failures_are_kept_when_the_rest_of_the_work_expires(templates: Templates) -> None:
    for stage in templates:
        (work,) = (
            one
            for one in of_type(stack(templates, stage, "-storage"), "AWS::S3::Bucket").values()
            if one.get("BucketName") == loaded(stage).settings.work_bucket
        )
        expiring = {
            one.get("Prefix")
            for one in work["LifecycleConfiguration"]["Rules"]
            if "ExpirationInDays" in one
        }
        assert expiring == {"ingests/"}


def test_what_locations_hold_never_expires(templates: Templates) -> None:
    for bucket in buckets(templates):
        if bucket.get("VersioningConfiguration") == {"Status": "Enabled"}:
            told = json.dumps(bucket["LifecycleConfiguration"])
            assert "Expiration" not in told
            assert "Noncurrent" not in told
            assert bucket["NotificationConfiguration"] == {
                "EventBridgeConfiguration": {"EventBridgeEnabled": True}
            }


@pytest.mark.parametrize(
    ("stage", "stacks"),
    [
        ("dev", {"backfill-dev-storage", "backfill-dev-pipeline"}),
        ("prod", {"backfill-storage", "backfill-storage-eu-central-1", "backfill-pipeline"}),
    ],
)
def test_there_is_a_stack_in_each_region_of_the_locations(
    templates: Templates, stage: str, stacks: set[str]
) -> None:
    assert set(templates[stage]) == stacks


def test_the_bucket_of_another_owner_is_not_made(templates: Templates) -> None:
    made = {one.get("BucketName") for one in buckets(templates)}
    assert "backfill-prod-archive" in made
    assert "partner-course-content" not in made
