"""Makes and checks the S3 buckets of an installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code, is_not_offered
from course_backfill.errors import StorageRefused
from course_backfill.findings import Finding
from course_backfill.resources import ABORT_UPLOADS_DAYS, EXPIRY_DAYS, OUR_RULES, Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_CONSTRAINT = "us-east-1"


def create_bucket(client: S3Client, bucket: Bucket) -> Finding:
    """Makes the bucket, closed to the public, with what expires in it; others' rules stay."""
    is_new = _find(client, bucket) is None
    if is_new:
        _create(client, bucket.name)
    details = ["created" if is_new else "is there"]
    details += _close(client, bucket.name)
    if bucket.versioned:
        details.append(_version(client, bucket.name))
    details += _expire(client, bucket)
    return Finding(f"bucket {bucket.name}", True, "; ".join(details))


def check_bucket(client: S3Client, bucket: Bucket) -> Finding:
    """Whether the bucket can be reached with these credentials, and lies in the client's region."""
    name = f"bucket {bucket.name}"
    try:
        region = _find(client, bucket)
        if region is None:
            return Finding(name, False, "is not there", "course-backfill setup")
        client.list_multipart_uploads(Bucket=bucket.name, MaxUploads=1)
    except StorageRefused as refusal:
        action = f"Choose another name for {bucket.owner} in the settings, or allow s3:ListBucket"
        return Finding(name, False, str(refusal), action)
    except ClientError as error:
        if error_code(error) not in {"403", "AccessDenied"}:
            raise
        return Finding(
            name,
            False,
            f"the credentials of {bucket.owner} may not list it",
            "Allow s3:ListBucket and s3:ListBucketMultipartUploads on it",
        )
    ours = client.meta.region_name
    if region not in {"", ours}:
        setting = f"AWS_REGION={region}"
        if bucket.location:
            setting = f'region = "{region}" for {bucket.owner} in the settings'
        action = f"Set {setting}, or choose a bucket in {ours}"
        return Finding(name, False, f"lies in {region}, not in {ours}", action)
    return Finding(name, True, "can be reached")


def _find(client: S3Client, bucket: Bucket) -> str | None:
    """The bucket's region (empty where the endpoint tells none), or None: no such bucket."""
    try:
        headers = client.head_bucket(Bucket=bucket.name)["ResponseMetadata"]["HTTPHeaders"]
    except ClientError as error:
        code = error_code(error)
        if code in {"404", "NoSuchBucket"}:
            return None
        headers = error.response["ResponseMetadata"].get("HTTPHeaders", {})
        if code in {"301", "PermanentRedirect"}:
            return headers.get("x-amz-bucket-region", "")
        if code in {"403", "AccessDenied"}:
            raise StorageRefused(
                f"bucket {bucket.name} is another account's, "
                f"or the credentials of {bucket.owner} may not see it"
            ) from error
        raise
    return headers.get("x-amz-bucket-region", "")


def _create(client: S3Client, name: str) -> None:
    region: Any = client.meta.region_name
    try:
        if region == _NO_CONSTRAINT:
            client.create_bucket(Bucket=name)
        else:
            place = {"LocationConstraint": region}
            client.create_bucket(Bucket=name, CreateBucketConfiguration=place)  # type: ignore[arg-type] # The region is the user's, not one of a list.
    except ClientError as error:
        if error_code(error) == "BucketAlreadyExists":
            raise StorageRefused(
                f"the name {name} belongs to another account: choose another namespace or bucket"
            ) from error
        # Another setup was faster.
        if error_code(error) != "BucketAlreadyOwnedByYou":
            raise


def _close(client: S3Client, name: str) -> list[str]:
    try:
        client.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
    except ClientError as error:
        if is_not_offered(error):
            return ["this endpoint offers no block of public access"]
        raise
    return []


def _version(client: S3Client, name: str) -> str:
    # A bucket that never had versioning has no status at all.
    found: Mapping[str, Any] = client.get_bucket_versioning(Bucket=name)
    status = found.get("Status")
    if status == "Suspended":
        return "versioning was suspended by someone and stays so"
    if status is None:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return "versioned"


def _expire(client: S3Client, bucket: Bucket) -> list[str]:
    rules: list[dict[str, Any]] = [
        {
            "ID": f"{OUR_RULES}abort-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_UPLOADS_DAYS},
        }
    ]
    rules += [
        {
            "ID": f"{OUR_RULES}expire-{prefix.strip('/')}",
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "Expiration": {"Days": EXPIRY_DAYS},
        }
        for prefix in bucket.expiring
    ]
    try:
        others = [
            rule
            for rule in _lifecycle(client, bucket.name)
            if not str(rule.get("ID", "")).startswith(OUR_RULES)
        ]
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket.name,
            LifecycleConfiguration={"Rules": [*others, *rules]},  # type: ignore[list-item] # As S3 gave them.
        )
    except ClientError as error:
        if is_not_offered(error):
            return ["this endpoint expires nothing"]
        raise
    return []


def _lifecycle(client: S3Client, name: str) -> list[dict[str, Any]]:
    try:
        found = client.get_bucket_lifecycle_configuration(Bucket=name)
    except ClientError as error:
        if error_code(error) == "NoSuchLifecycleConfiguration":
            return []
        raise
    return [dict(rule) for rule in found.get("Rules", [])]
