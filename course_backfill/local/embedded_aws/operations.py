"""Which call of which service an HTTP request is, told from its address and headers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote

SUBRESOURCES = {
    "versioning": "BucketVersioning",
    "lifecycle": "BucketLifecycleConfiguration",
    "notification": "BucketNotificationConfiguration",
    "encryption": "BucketEncryption",
    "policy": "BucketPolicy",
    "publicAccessBlock": "PublicAccessBlock",
    "location": "BucketLocation",
}

OBJECT_SUBRESOURCES = {
    "acl": "ObjectAcl",
    "tagging": "ObjectTagging",
    "retention": "ObjectRetention",
    "legal-hold": "ObjectLegalHold",
    "attributes": "ObjectAttributes",
}

BUCKET_OPERATIONS = {
    "POST": "DeleteObjects",
    "PUT": "CreateBucket",
    "HEAD": "HeadBucket",
    "DELETE": "DeleteBucket",
}

TARGETS = {
    "AmazonSQS.": "sqs",
    "DynamoDB_": "dynamodb",
    "AWSEvents.": "events",
    "secretsmanager.": "secretsmanager",
}

LISTINGS = {
    "uploads": "ListMultipartUploads",
    "versions": "ListObjectVersions",
    "list-type": "ListObjectsV2",
}

VERBS = {"PUT": "Put", "GET": "Get", "DELETE": "Delete", "HEAD": "Head", "POST": "Post"}


@dataclass(frozen=True)
class Operation:
    """`service` as moto names it; `name` as in AWS's API, e.g. PutObject; `bucket`, `key` of S3."""

    service: str
    name: str
    bucket: str = ""
    key: str = ""

    @property
    def takes_payload(self) -> bool:
        """Whether the body is bytes to store, not a document to parse."""
        return self.service == "s3" and self.name in ("PutObject", "UploadPart")

    def named_by(self, body: bytes) -> "Operation":
        """The same, where only the body tells the name, as for STS."""
        if self.name or self.service != "sts":
            return self
        return replace(self, name=parse_qs(body.decode("latin-1")).get("Action", [""])[0])


def operation_of(
    method: str, raw_path: str, query_string: str, headers: Mapping[str, str]
) -> Operation:
    """The call; its name is empty where AWS has none for such a request."""
    target = headers.get("x-amz-target", "")
    for start, service in TARGETS.items():
        if target.startswith(start):
            return Operation(service, target.partition(".")[2])
    if method == "POST" and "/sts/aws4_request" in headers.get("authorization", ""):
        return Operation("sts", "")
    bucket, _, key = raw_path.lstrip("/").partition("/")
    query = parse_qs(query_string, keep_blank_values=True)
    name = (
        _object_operation(method, query, "x-amz-copy-source" in headers)
        if key
        else _bucket_operation(method, query, bool(bucket))
    )
    return Operation("s3", name, unquote(bucket), unquote(key))


def _object_operation(method: str, query: Mapping[str, list[str]], copies: bool) -> str:
    if "uploadId" in query:
        part = "UploadPartCopy" if copies else "UploadPart"
        return {
            "PUT": part,
            "POST": "CompleteMultipartUpload",
            "GET": "ListParts",
            "DELETE": "AbortMultipartUpload",
        }.get(method, "")
    for marker, noun in OBJECT_SUBRESOURCES.items():
        if marker in query:
            return VERBS.get(method, "") + noun
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in query else "RestoreObject"
    if method == "PUT" and copies:
        return "CopyObject"
    return VERBS.get(method, "") + "Object"


def _bucket_operation(method: str, query: Mapping[str, list[str]], named: bool) -> str:
    if not named:
        return "ListBuckets"
    for marker, noun in SUBRESOURCES.items():
        if marker in query:
            return VERBS.get(method, "") + noun
    if method != "GET":
        return BUCKET_OPERATIONS.get(method, "")
    return next((name for marker, name in LISTINGS.items() if marker in query), "ListObjects")
