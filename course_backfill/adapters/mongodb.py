"""Connections to MongoDB, and its driver's errors in this product's words."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from course_backfill.errors import LoginRefused, SourceRefused, SourceUnavailable

Document = dict[str, Any]
Client = MongoClient[Document]

OLDEST_SERVER = "4.4"
_OLD_WIRE_VERSIONS = {"6": "3.6", "7": "4.0", "8": "4.2"}

_PASSING = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        43,  # CursorNotFound
        50,  # MaxTimeMSExpired
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        134,  # ReadConcernMajorityNotAvailableYet
        175,  # QueryPlanKilled
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        237,  # CursorKilled
        262,  # ExceededTimeLimit
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)
"""Codes of servers that are busy, starting, stopping or electing: trying again may help."""


def connect(uri: str, *, timeout_seconds: float = 5.0) -> Client:
    """A client of the deployment that `uri` names; it connects when first used.

    Waits that the URI sets itself are kept. Raises SourceRefused for what is no MongoDB URI.
    """
    wait = int(timeout_seconds * 1000)
    waits: dict[str, Any] = {
        "serverSelectionTimeoutMS": wait,
        "connectTimeoutMS": wait,
        # A server that accepted a query and then hangs must not hold a worker for ever.
        "socketTimeoutMS": 120_000,
    }
    unset = {name: value for name, value in waits.items() if name.lower() not in uri.lower()}
    try:
        with warnings.catch_warnings():
            # The driver would only warn of an option that it does not know, and leave it out.
            warnings.simplefilter("error", UserWarning)
            # A name that cannot be looked up now is no fault of the URI: that is for the first use.
            return MongoClient(uri, appname="course-backfill", connect=False, **unset)
    except (PyMongoError, ValueError, TypeError, UserWarning):
        # The driver quotes the URI, with pieces of a password that was not percent-encoded.
        raise SourceRefused(
            "The MongoDB URI cannot be used: expected mongodb://… or mongodb+srv://…, with user "
            "and password percent-encoded, and no unknown option."
        ) from None


@contextmanager
def source_errors() -> Iterator[None]:
    """Turns the driver's errors into SourceUnavailable or SourceRefused.

    Their sentences hold no URI, no credentials and none of the command that failed.
    """
    try:
        yield
    except ServerSelectionTimeoutError as error:
        if "authentication failed" in str(error).lower():
            # The driver leaves a server alone that refused it just before, and says why.
            raise LoginRefused("MongoDB refused the user or the password.") from error
        raise SourceUnavailable(f"MongoDB does not answer{_reason(error)}.") from error
    except OperationFailure as error:
        raise _failure(error) from error
    except ConnectionFailure as error:
        raise SourceUnavailable(f"The connection to MongoDB {_loss(error)}.") from error
    except ConfigurationError as error:
        if _is_of_dns(error):
            raise SourceUnavailable("The host name of the MongoDB URI is not known.") from error
        raise SourceRefused(_configuration(str(error))) from error
    except PyMongoError as error:
        raise SourceUnavailable("MongoDB failed the request.") from error


def _loss(error: ConnectionFailure) -> str:
    return "brought no answer in time" if isinstance(error, NetworkTimeout) else "was lost"


def _reason(error: ServerSelectionTimeoutError) -> str:
    text = str(error)
    for sign, reason in (
        ("refused", "connection refused"),
        ("Name or service not known", "its host name is not known"),
        ("No address associated", "its host name is not known"),
        ("CERTIFICATE", "its TLS certificate was not accepted"),
        ("SSL", "TLS could not be agreed on"),
        ("No replica set members", "no member of the replica set was found"),
        ("No primary", "the replica set has no primary"),
        ("timed out", "timed out"),
    ):
        if sign in text:
            return f" ({reason})"
    return ""


def _failure(error: OperationFailure) -> SourceUnavailable | SourceRefused:
    details = error.details or {}
    name = f"{details.get('codeName') or 'error'} {error.code}"
    passing = error.timeout or error.has_error_label("RetryableWriteError")
    if passing or error.code in _PASSING:
        return SourceUnavailable(f"MongoDB could not answer just now ({name}).")
    if error.code in {18, 8000}:
        return LoginRefused(f"MongoDB refused the user or the password ({name}).")
    if error.code == 13:
        return SourceRefused(f"The MongoDB user may not read what is needed ({name}).")
    if "hint provided does not correspond" in str(details.get("errmsg")):
        return SourceRefused(
            "The chunks collection has no index on (files_id, n), which GridFS demands: create "
            "it, unique, before anything is read."
        )
    return SourceRefused(f"MongoDB refused the request ({name}).")


def _is_of_dns(error: ConfigurationError) -> bool:
    """Whether the servers behind a mongodb+srv URI could not be looked up.

    PyMongo wraps what its resolver raises, and that library is no dependency of ours.
    """
    return type(error.__cause__).__module__.startswith("dns.")


def _configuration(text: str) -> str:
    wire = re.search(r"reports wire version (\d+)", text)
    if "but this version of PyMongo only supports up to" in text:
        return "This MongoDB server is too new for this release: update course-backfill."
    if wire is None:
        return "The MongoDB driver refused the connection's options or the server."
    version = _OLD_WIRE_VERSIONS.get(wire.group(1), f"wire version {wire.group(1)}")
    return f"This MongoDB server is too old ({version}): {OLDEST_SERVER} or newer is needed."
