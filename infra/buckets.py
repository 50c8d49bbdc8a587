"""The buckets of a stage: closed, encrypted, logged, kept, and with what expires in them."""

from __future__ import annotations

from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from course_backfill.resources import ABORT_UPLOADS_DAYS, EXPIRY_DAYS, OUR_RULES, Bucket

LOG_DAYS = 365


class AccessLogs(s3.Bucket):
    """Takes the access logs of the buckets of its region."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(
            scope,
            id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(LOG_DAYS))],
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )


class KeptBucket(s3.Bucket):
    """A bucket of the installation, as `Resources` describes it; it outlives its stack.

    Encrypted with keys of S3's own: with a key of KMS the ETag of an object would not be the
    digest of its bytes, and repairs and copies are pinned by ETags that they have proven.
    """

    def __init__(self, scope: Construct, id: str, bucket: Bucket, *, logs: AccessLogs) -> None:
        super().__init__(
            scope,
            id,
            bucket_name=bucket.name,
            versioned=bucket.versioned,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=f"{bucket.name}/",
            lifecycle_rules=[_abort_uploads(), *map(_expire, bucket.expiring)],
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        if bucket.location is not None:
            # S3 tells EventBridge when a restore is done. The construct's own way is a function
            # that sets it from outside; CloudFormation does without.
            made = cast(s3.CfnBucket, self.node.default_child)
            made.add_property_override(
                "NotificationConfiguration.EventBridgeConfiguration", {"EventBridgeEnabled": True}
            )


def _abort_uploads() -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=f"{OUR_RULES}abort-uploads",
        abort_incomplete_multipart_upload_after=Duration.days(ABORT_UPLOADS_DAYS),
    )


def _expire(prefix: str) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=f"{OUR_RULES}expire-{prefix.strip('/')}",
        prefix=prefix,
        expiration=Duration.days(EXPIRY_DAYS),
    )
