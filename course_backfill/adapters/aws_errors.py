"""What an error of the AWS client means: try again later, give up, or a fault of this program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from course_backfill.errors import (
    CourseBackfillError,
    EventsRefused,
    EventsUnavailable,
    KnownOutage,
    QueueRefused,
    QueueUnavailable,
    SecretRefused,
    SecretsUnavailable,
    StateRefused,
    StateUnavailable,
    StorageRefused,
    StorageUnavailable,
)

THROTTLES = {
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}

_MISSING = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}

_REFUSALS = _MISSING | {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}

_RENEWABLE = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}

_REASONS: dict[type[Exception], str] = {
    EndpointConnectionError: "nothing listens at its endpoint",
    ConnectTimeoutError: "no connection in time",
    ReadTimeoutError: "no answer in time",
    ProxyConnectionError: "the proxy does not answer",
    SSLError: "TLS could not be agreed on",
    ConnectionError: "the connection broke",
    HTTPClientError: "the connection broke",
    IncompleteReadError: "its answer broke off",
    ResponseParserError: "its answer cannot be read",
    NoCredentialsError: "there are no credentials",
    PartialCredentialsError: "the credentials are not complete",
    CredentialRetrievalError: "the credentials cannot be fetched",
    ProfileNotFound: "there is no such profile",
    NoRegionError: "no region is set",
}
"""The first that an error is of says why there was no answer."""

_LOST = (ConnectionError, CredentialRetrievalError, HTTPClientError, ResponseParserError)


@dataclass(frozen=True, slots=True)
class ErrorNames:
    """How one service is named to a person, and the errors that stand for it."""

    service: str
    unavailable: type[KnownOutage]
    refused: type[CourseBackfillError]


DYNAMODB = ErrorNames("DynamoDB", StateUnavailable, StateRefused)
SQS = ErrorNames("SQS", QueueUnavailable, QueueRefused)
SECRETS = ErrorNames("AWS Secrets Manager", SecretsUnavailable, SecretRefused)
EVENTS = ErrorNames("EventBridge", EventsUnavailable, EventsRefused)
S3 = ErrorNames("S3", StorageUnavailable, StorageRefused)


def error_code(error: ClientError) -> str:
    """AWS's name of the error, without the namespace some protocols put before it."""
    return str(error.response.get("Error", {}).get("Code", "")).rsplit("#", 1)[-1]


def is_not_offered(error: ClientError) -> bool:
    """Whether the endpoint, an emulator perhaps, says that it does not know the operation."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status == 501 or error_code(error) in {
        "InvalidAction",
        "NotImplemented",
        "UnknownOperationException",
        "UnsupportedOperation",
    }


@contextmanager
def named_errors(names: ErrorNames) -> Iterator[None]:
    """Raises the named errors for outages and refusals; what else comes is unexpected."""
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in THROTTLES or code in _RENEWABLE or status >= 500:
            raise names.unavailable(f"{names.service} answers {code}") from error
        if code in _REFUSALS:
            raise names.refused(_refusal(names.service, code)) from error
        raise
    except _LOST as error:
        raise names.unavailable(
            f"{names.service} gives no usable answer ({reason_of(error)})"
        ) from error
    except BotoCoreError as error:
        raise names.refused(
            f"{names.service} cannot be asked ({reason_of(error)}): "
            "check the AWS credentials, region and endpoint"
        ) from error


def reason_of(error: Exception) -> str:
    """What kept the client from an answer, in words; its own text quotes the URL of the request."""
    reasons = (reason for kind, reason in _REASONS.items() if isinstance(error, kind))
    return next(reasons, "an error of the AWS client")


def _refusal(service: str, code: str) -> str:
    if code in _MISSING:
        return f"{service} lacks what this installation needs ({code}): course-backfill setup"
    return f"{service} refuses these credentials ({code}): course-backfill check"
