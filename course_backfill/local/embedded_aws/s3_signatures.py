"""What S3 tells from how a request was signed; the signature itself is not checked."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.s3.exceptions import MissingBucket
from moto.s3.models import S3Backend

from course_backfill.local.embedded_aws.s3_errors import S3Refusal

Query = Mapping[str, list[str]]


def require_unexpired(query: Query) -> None:
    """Raises S3Refusal where the request is a signed address that has ended."""
    if "Signature" in query and "AWSAccessKeyId" in query:
        # S3 knows the old way of signing for buckets made before 2020 only.
        raise S3Refusal(400, "InvalidRequest", "Please use AWS4-HMAC-SHA256.")
    if "X-Amz-Expires" not in query or "X-Amz-Date" not in query:
        return
    signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
    lifetime = timedelta(seconds=int(query["X-Amz-Expires"][0]))
    if signed.replace(tzinfo=UTC) + lifetime < datetime.now(UTC):
        raise S3Refusal(403, "AccessDenied", "Request has expired")


def require_region(backend: S3Backend, bucket_name: str | None, headers: Any, query: Query) -> None:
    """Raises S3Refusal where the request was signed for another region than the bucket's.

    One address stands for every region here, so that only the signature tells which was meant.
    """
    signed = _signed_region(headers.get("Authorization", ""), query)
    if signed is None or not bucket_name or "location" in query:
        return
    try:
        region = backend.get_bucket(bucket_name).region_name
    except MissingBucket:
        return
    if region != signed:
        message = (
            "The bucket you are attempting to access must be addressed using the specified "
            "endpoint. Please send all future requests to this endpoint."
        )
        headers = {"x-amz-bucket-region": region}
        raise S3Refusal(301, "PermanentRedirect", message, headers)


def _signed_region(authorization: str, query: Query) -> str | None:
    credential = query.get("X-Amz-Credential", [""])[0]
    scope = re.search(r"/\d{8}/([^/]+)/s3/aws4_request", credential or authorization)
    return scope.group(1) if scope else None
