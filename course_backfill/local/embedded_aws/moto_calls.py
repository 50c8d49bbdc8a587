"""Hands requests to moto's classes directly, without moto's own slow web server in between."""

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import moto.dynamodb.models as dynamodb_models
import moto.s3.models as s3_models
import moto.sqs.models as sqs_models
from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    Request,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS
from moto.events.responses import EventsHandler
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sts.responses import TokenResponse

from course_backfill.local.embedded_aws.blobs import Blob
from course_backfill.local.embedded_aws.checksums import DeclaredChecksums
from course_backfill.local.embedded_aws.digests_wanted import DigestsWanted
from course_backfill.local.embedded_aws.dynamodb import (
    EmbeddedDynamoBackend,
    EmbeddedDynamoHandler,
    EmbeddedDynamoSerializer,
    EmbeddedTable,
)
from course_backfill.local.embedded_aws.operations import Operation, operation_of
from course_backfill.local.embedded_aws.restores import RestorePace
from course_backfill.local.embedded_aws.s3_api import PAYLOAD, EmbeddedS3Response
from course_backfill.local.embedded_aws.s3_backend import EmbeddedS3Backend
from course_backfill.local.embedded_aws.s3_errors import s3_error
from course_backfill.local.embedded_aws.s3_objects import StoredObject, StoredUpload
from course_backfill.local.embedded_aws.s3_restores import SCHEDULE
from course_backfill.local.embedded_aws.sqs import (
    EmbeddedQueue,
    EmbeddedSqsBackend,
    EmbeddedSqsResponse,
)

log = logging.getLogger(__name__)

NOT_FOR_MOTO = frozenset({"HTTP_X_AMZ_CONTENT_SHA256", "HTTP_TRANSFER_ENCODING"})
"""moto would decode the body once more, and store the hash among the object's metadata."""


class _Untracked(BaseModel):
    """A model as moto makes it, but not kept in a list of all there ever were."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "_Untracked":
        return object.__new__(cls)


def install() -> None:
    """Puts the embedded backends into moto, for this process; more than once does no harm.

    moto has no other way in: its backends make their objects by these names, which types forbid
    to assign to.
    """
    BaseModel.__new__ = _Untracked.__new__  # type: ignore[method-assign, assignment] # See above.
    s3_models.FakeKey = StoredObject  # type: ignore[misc] # See above.
    s3_models.FakeMultipart = StoredUpload  # type: ignore[misc] # See above.
    s3_models.s3_backends.backend = EmbeddedS3Backend
    dynamodb_models.Table = EmbeddedTable  # type: ignore[attr-defined] # See above.
    dynamodb_models.dynamodb_backends.backend = EmbeddedDynamoBackend
    SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": EmbeddedDynamoSerializer}
    sqs_models.Queue = EmbeddedQueue  # type: ignore[misc] # See above.
    sqs_models.sqs_backends.backend = EmbeddedSqsBackend


def warm_up() -> None:
    """Makes moto load what it loads on first use, which takes a second."""
    for target in ("AmazonSQS.ListQueues", "DynamoDB_20120810.ListTables", ""):
        headers = [("host", "127.0.0.1"), ("content-type", "application/x-amz-json-1.0")]
        method, body = "GET", b""
        if target:
            method, body = "POST", b"{}"
            headers.append(("x-amz-target", target))
        request = moto_request(
            method=method, raw_path="/", query_string="", headers=headers, body=body
        )
        call(operation_of(method, "/", "", dict(headers)), request)


def forget_everything() -> None:
    """Buckets, tables and queues are gone afterwards, and restores take no time."""
    BackendDict.reset()
    SCHEDULE.order(RestorePace())


@dataclass
class Answer:
    """`body` may be a Blob, to be sent piece by piece. `waiting`: see EmbeddedSqsResponse.

    Where digests are `wanted` nothing has happened yet, and the call is to be repeated with them.
    """

    status: int
    headers: dict[str, str]
    body: bytes | Blob
    waiting: tuple[EmbeddedQueue, int] | None = None
    wanted: DigestsWanted | None = None


def moto_request(
    *,
    method: str,
    raw_path: str,
    query_string: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    payload: tuple[Blob, DeclaredChecksums] | None = None,
) -> Request:
    """The request as moto's own server would have made it; with a payload its body is empty."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": raw_path,
        "RAW_URI": f"{raw_path}?{query_string}" if query_string else raw_path,
        "QUERY_STRING": query_string,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    names: dict[str, str] = {}
    for name, value in headers:
        variable = environ_key_for_header(name)
        if should_preserve_original_header_name(name):
            names[variable] = name
        elif "_" in name or variable in NOT_FOR_MOTO:
            continue
        environ[variable] = f"{environ[variable]},{value}" if variable in environ else value
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names
    environ["CONTENT_LENGTH"] = str(len(body))
    if payload is not None:
        environ[PAYLOAD] = payload
    # A request that its own environment refers to would hold the payload until a collection.
    return Request(environ, populate_request=False)


def call(operation: Operation, request: Request) -> Answer:
    """Carries out the call. What moto cannot answer becomes an InternalError, and is logged."""
    waiting = None
    try:
        if operation.service == "dynamodb":
            status, headers, body = EmbeddedDynamoHandler.dispatch(request)
        elif operation.service == "sqs":
            response = EmbeddedSqsResponse()
            status, headers, body = response._dispatch(request)
            waiting = response.waiting
        elif operation.service == "sts":
            status, headers, body = TokenResponse.dispatch(request)
        elif operation.service == "events":
            status, headers, body = EventsHandler.dispatch(request)
        elif operation.service == "secretsmanager":
            status, headers, body = SecretsManagerResponse.dispatch(request)
        elif operation.key:
            status, headers, body = EmbeddedS3Response().key_response(request, request.raw_url, {})
        else:
            s3 = EmbeddedS3Response()
            status, headers, body = s3.bucket_response(request, request.raw_url, {})
    except DigestsWanted as wanted:
        return Answer(503, {}, b"", wanted=wanted)
    except Exception:
        log.exception("moto cannot answer %s of %s", operation.name, operation.service)
        return Answer(*s3_error(500, "InternalError", "The embedded AWS cannot do this."))
    content = body if isinstance(body, bytes | Blob) else str(body or "").encode()
    return Answer(int(status), {str(k): str(v) for k, v in headers.items()}, content, waiting)
