"""S3's errors in this product's words, and whether trying again can help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.parsers import ResponseParserError

from course_backfill.adapters.aws_errors import THROTTLES, error_code, reason_of
from course_backfill.errors import (
    NotFound,
    ObjectChanged,
    ObjectCold,
    ObjectExists,
    StorageRefused,
    StorageUnavailable,
)

CONDITION_FAILED = frozenset({"412", "PreconditionFailed"})
"""If-None-Match met an object, or If-Match another one."""

CONFLICTS = frozenset({"ConditionalRequestConflict", "OperationAborted"})
"""Two writers met at one key; S3 asks the one that gets this to try again."""

DAMAGED = frozenset({"BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"})
"""What arrived is not what was sent."""

MISSING = frozenset({"404", "NoSuchKey"})
"""There is no object at the key. A missing bucket has a code of its own, except to HEAD."""

COLD = frozenset({"InvalidObjectState", "ObjectNotInActiveTierError"})
"""The object is archived, and has no restored copy."""

_PASSING = (
    THROTTLES
    | CONFLICTS
    | DAMAGED
    | {
        "ExpiredToken",
        "InternalError",
        "RequestExpired",
        "RequestTimeout",
        "ServiceUnavailable",
        "TokenRefreshRequired",
        "TooManyRequests",
        "KMS.DependencyTimeoutException",
        "KMS.KMSInternalException",
        "KMS.ThrottlingException",
    }
)
_ELSEWHERE = {
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraint",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
}
"""The bucket is in another region, or another endpoint's."""

_NOT_IMPLEMENTED = 501

_NO_ANSWER = (ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError)


@contextmanager
def s3_errors(action: str, bucket: str, key: str) -> Iterator[None]:
    """Turns the errors of boto3 into StorageUnavailable and StorageRefused.

    `action` completes the sentence "S3 could not …"; `key` may be a prefix.
    """
    try:
        yield
    except ClientError as error:
        raise answered_error(error_code(error), _status(error), action, bucket, key) from error
    except _NO_ANSWER as error:
        raise unavailable(action, bucket, key, f"no usable answer: {reason_of(error)}") from error
    except CredentialRetrievalError as error:
        raise unavailable(action, bucket, key, "no credentials could be fetched") from error
    except BotoCoreError as error:
        raise StorageRefused(
            f"S3 could not {action} {place(bucket, key)} ({reason_of(error)}): "
            "check the AWS credentials, and the region and endpoint of its location"
        ) from error


def answered_error(
    code: str, status: int, action: str, bucket: str, key: str
) -> StorageUnavailable | StorageRefused:
    """What an answer of S3 that is an error means; `status` 0 where only the code is known."""
    if is_passing(code) or (status >= 500 and status != _NOT_IMPLEMENTED) or status == 429:
        return unavailable(action, bucket, key, code)
    return StorageRefused(
        f"S3 refused to {action} {place(bucket, key)} ({code}): {_advice(code, bucket)}"
    )


def is_passing(code: str) -> bool:
    """Whether an error of this code goes away by itself."""
    return code in _PASSING


def unavailable(action: str, bucket: str, key: str, reason: str) -> StorageUnavailable:
    """The error of an outage, as a sentence."""
    return StorageUnavailable(
        f"S3 could not {action} {place(bucket, key)} for now ({reason}); it will be tried again"
    )


def object_exists(bucket: str, key: str) -> ObjectExists:
    """The error of a create-only write that met an object."""
    return ObjectExists(f"there is an object {place(bucket, key)} already; it was left as it is")


def object_changed(bucket: str, key: str) -> ObjectChanged:
    """The error of what was pinned to another state of an object."""
    return ObjectChanged(f"the object {place(bucket, key)} is another one by now, or gone")


def object_cold(bucket: str, key: str) -> ObjectCold:
    """The error of reading what is archived."""
    return ObjectCold(f"the object {place(bucket, key)} is archived: it must be restored first")


def not_found(bucket: str, key: str) -> NotFound:
    """The error of an object that is not there."""
    return NotFound(f"there is no object {place(bucket, key)}")


def place(bucket: str, key: str) -> str:
    """How errors name an object: escaped, since anyone may have chosen the key."""
    return f"{key!r} in bucket {bucket!r}"


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _advice(code: str, bucket: str) -> str:
    if code == "NoSuchBucket":
        return f"create bucket {bucket!r} (course-backfill setup), or correct its location's name"
    if code.startswith("KMS."):
        return f"check that the KMS key of bucket {bucket!r} is enabled and may be used"
    if code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"}:
        return "check the AWS credentials and this machine's clock"
    if code in _ELSEWHERE:
        return f"set the region, or the endpoint, of the location that bucket {bucket!r} is of"
    return f"check what bucket {bucket!r}, its policy and the credentials of its location allow"
