"""Removes what the probe wrote to S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_backfill.adapters.aws_errors import S3
from course_backfill.adapters.probe_trials import Trial, expect_equal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def cleaning(client: S3Client, bucket: str, prefix: str) -> Trial:
    """The trial that removes every object, version, marker and upload below the prefix."""
    action = f"Allow these credentials to delete in {bucket}; remove {prefix} there"
    return Trial(
        f"{bucket}: removing again", action, S3, lambda: remove_all(client, bucket, prefix)
    )


def remove_all(client: S3Client, bucket: str, prefix: str) -> str:
    """Says how much it removed; raises ProbeFailed where something is left."""
    written, uploads = _versions(client, bucket, prefix), _uploads(client, bucket, prefix)
    for key, upload in uploads:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    for key, version in written:
        client.delete_object(Bucket=bucket, Key=key, VersionId=version)
    left = [*_versions(client, bucket, prefix), *_uploads(client, bucket, prefix)]
    expect_equal("what is left", left, [])
    return f"all {len(written)} objects and {len(uploads)} uploads"


# A handful of each was made: they fit the first page.


def _versions(client: S3Client, bucket: str, prefix: str) -> list[tuple[str, str]]:
    found = client.list_object_versions(Bucket=bucket, Prefix=prefix)
    versions = [(one["Key"], one["VersionId"]) for one in found.get("Versions", [])]
    return versions + [(one["Key"], one["VersionId"]) for one in found.get("DeleteMarkers", [])]


def _uploads(client: S3Client, bucket: str, prefix: str) -> list[tuple[str, str]]:
    found = client.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
    return [(one["Key"], one["UploadId"]) for one in found.get("Uploads", [])]
