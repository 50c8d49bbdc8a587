"""Which rights a request to AWS needs, by the service authorization reference."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, unquote

from infra.arns import Arns
from tests.infra.policies import Needed

OBJECT_ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CopyObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
    "RestoreObject": "s3:RestoreObject",
    "DeleteObject": "s3:DeleteObject",
}
BUCKET_ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}
SQS_ACTIONS = {"SendMessageBatch": "sqs:SendMessage", "ChangeMessageVisibilityBatch": ""}
WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a function made, and the status of the answer."""

    function: str
    service: str
    operation: str
    bucket: str
    key: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int

    def __str__(self) -> str:
        return f"{self.function}: {self.service} {self.operation} {self.bucket}/{self.key}"


def needed(request: Request, arns: Arns) -> Iterator[Needed]:
    """Raises KeyError for an operation that is not known here, so that none is passed over."""
    match request.service:
        case "s3":
            yield from _of_s3(request, arns)
        case "dynamodb":
            yield from _of_dynamodb(request, arns)
        case "sqs":
            name = json.loads(request.body)
            queue = name.get("QueueName") or name["QueueUrl"].rsplit("/", 1)[-1]
            action = SQS_ACTIONS.get(request.operation) or f"sqs:{request.operation}"
            yield Needed(action, _regional(arns, "sqs", queue))
        case "events":
            for entry in json.loads(request.body)["Entries"]:
                bus = entry["EventBusName"]
                yield Needed("events:PutEvents", _regional(arns, "events", f"event-bus/{bus}"))
        case "sts":
            (role,) = parse_qs(request.body.decode())["RoleArn"]
            yield Needed(f"sts:{request.operation}", role)
        case other:
            raise KeyError(other)


def _regional(arns: Arns, service: str, name: str) -> str:
    stage = arns.stage
    return f"arn:{arns.partition}:{service}:{stage.region}:{stage.account}:{name}"


def _of_s3(request: Request, arns: Arns) -> Iterator[Needed]:
    owner = {"aws:ResourceAccount": frozenset({arns.stage.account})}
    yield from (replace(one, context=owner) for one in _asked_of_s3(request, arns))


def _asked_of_s3(request: Request, arns: Arns) -> Iterator[Needed]:
    bucket = arns.bucket(request.bucket)
    whole = f"{bucket}/{request.key}"
    if request.operation == "DeleteObjects":
        for key, is_of_version in _deleted(request.body):
            action = "s3:DeleteObjectVersion" if is_of_version else "s3:DeleteObject"
            yield Needed(action, f"{bucket}/{key}")
        return
    if request.operation in BUCKET_ACTIONS:
        yield Needed(BUCKET_ACTIONS[request.operation], bucket)
        return
    action = OBJECT_ACTIONS[request.operation]
    has_version = "versionId" in parse_qs(request.query)
    if has_version and action in {"s3:GetObject", "s3:DeleteObject"}:
        action += "Version"
    yield Needed(action, whole)
    if request.status == 404 and action.startswith("s3:GetObject"):
        yield Needed("s3:ListBucket", bucket)  # Without it S3 says 403 of what is not there.
    if "if-match" in request.headers and action == "s3:PutObject":
        yield Needed("s3:GetObject", whole)
    if source := request.headers.get("x-amz-copy-source"):
        path, _, version = unquote(source).lstrip("/").partition("?versionId=")
        yield Needed("s3:GetObjectVersion" if version else "s3:GetObject", arns.bucket(path))


def _deleted(body: bytes) -> Iterator[tuple[str, bool]]:
    for one in re.findall(r"<Object>(.*?)</Object>", body.decode(), re.DOTALL):
        (key,) = re.findall(r"<Key>(.*?)</Key>", one, re.DOTALL)
        yield key, "<VersionId>" in one


def _of_dynamodb(request: Request, arns: Arns) -> Iterator[Needed]:
    body = json.loads(request.body)
    if request.operation == "TransactWriteItems":
        for action in body["TransactItems"]:
            ((verb, parts),) = action.items()
            yield _of_table(WRITES.get(verb, "ConditionCheckItem"), parts, arns)
        return
    assert request.operation in {"GetItem", "Query", *WRITES.values()}, request.operation
    yield _of_table(request.operation, body, arns)


def _of_table(operation: str, parts: dict[str, Any], arns: Arns) -> Needed:
    resource = _regional(arns, "dynamodb", f"table/{parts['TableName']}")
    if index := parts.get("IndexName"):
        resource += f"/index/{index}"
    named = {
        *parts.get("Key", {}),
        *parts.get("Item", {}),
        *parts.get("ExpressionAttributeNames", {}).values(),
    }
    return Needed(f"dynamodb:{operation}", resource, {"dynamodb:Attributes": frozenset(named)})
