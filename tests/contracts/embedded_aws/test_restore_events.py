"""Restores are told of when they begin, when they are done, and when the copies are gone."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ONE_DAY: Any = {"Days": 1}


@pytest.fixture
def cold(s3: S3Client, bucket: str) -> dict[str, Any]:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "cold"}
    s3.put_object(**where, Body=b"bytes", StorageClass="GLACIER")
    return where


@pytest.fixture
def events(session: boto3.Session, aws_endpoint: str) -> Any:
    return session.client("events", endpoint_url=aws_endpoint)


def test_a_bucket_tells_a_queue_of_its_restores_when_they_happen(
    s3: S3Client, sqs: SQSClient, cold: Any, order: Any
) -> None:
    queue = sqs.create_queue(QueueName=cold["Bucket"])["QueueUrl"]
    about = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    notify: Any = [{"QueueArn": about["QueueArn"], "Events": ["s3:ObjectRestore:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket=cold["Bucket"], NotificationConfiguration={"QueueConfigurations": notify}
    )

    def told() -> str:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            for record in json.loads(message["Body"]).get("Records", ()):
                assert record["s3"]["object"]["key"] == "cold"
                return str(record["eventName"])
        return told()

    order("_restores", seconds=0.4, day_seconds=1)
    began = time.time()
    s3.restore_object(**cold, RestoreRequest=ONE_DAY)
    assert told() == "ObjectRestore:Post"
    assert told() == "ObjectRestore:Completed"
    assert time.time() - began > 0.4
    assert told() == "ObjectRestore:Delete"
    assert time.time() - began > 1.4


def test_a_rule_is_told_of_a_restore_when_it_is_done(
    events: Any, s3: S3Client, sqs: SQSClient, cold: Any, order: Any
) -> None:
    name = cold["Bucket"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    about = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    detail = {"bucket": {"name": [name]}}
    pattern = {"detail-type": ["Object Restore Completed"], "detail": detail}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": about["QueueArn"]}])
    bridge: Any = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=bridge)
    order("_restores", seconds=0.3)
    s3.restore_object(**cold, RestoreRequest=ONE_DAY)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    told = json.loads(message["Body"])
    assert (told["source"], told["detail"]["object"]["key"]) == ("aws.s3", "cold")
    assert s3.get_object(**cold)["Body"].read() == b"bytes"


def test_a_deleted_object_is_not_told_of(
    s3: S3Client, sqs: SQSClient, cold: Any, order: Any
) -> None:
    queue = sqs.create_queue(QueueName=cold["Bucket"])["QueueUrl"]
    about = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    completed: Any = ["s3:ObjectRestore:Completed"]
    notify: Any = [{"QueueArn": about["QueueArn"], "Events": completed}]
    s3.put_bucket_notification_configuration(
        Bucket=cold["Bucket"], NotificationConfiguration={"QueueConfigurations": notify}
    )
    sqs.purge_queue(QueueUrl=queue)
    order("_restores", seconds=3600)
    s3.restore_object(**cold, RestoreRequest=ONE_DAY)
    s3.delete_object(**cold)
    order("_restores", seconds=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
