"""The drivers' own errors, brought about with secrets: neither log nor failure shows these."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import boto3
import httpx
import obstore
import pytest
from botocore.config import Config
from obstore.store import S3Store
from pymongo import MongoClient

from course_backfill.adapters.lambda_run import RunFailed, lambda_run
from course_backfill.adapters.logs import log_lines
from course_backfill.adapters.mongodb import Client
from course_backfill.failures import Failure
from course_backfill.local.lambda_event import LocalContext
from tests.canaries import ACCESS_KEY, SECRET, TOKEN, leaks

Fails = Callable[[str], object]
"""Raises; given the URL of an AWS that answers, and of which it asks what it refuses."""

_FAST = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1)


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _client(service: str, url: str) -> Any:
    return boto3.client(  # type: ignore[call-overload] # A service of those below.
        service,
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        aws_session_token=SECRET,
        config=_FAST,
    )


def _presigned(url: str) -> str:
    signed: str = _client("s3", url).generate_presigned_url(
        "get_object", Params={"Bucket": "no-such-bucket", "Key": "k"}
    )
    assert ACCESS_KEY in signed
    return signed


def _mongo(uri: str, *, patience: int = 200) -> object:
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=patience) as client:
        return client.admin.command("ping")


def _s3store(url: str) -> object:
    store = S3Store(
        "no-such-bucket",
        endpoint=url,
        region="eu-west-1",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET,
        session_token=SECRET,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    return obstore.get(store, "k")


def _get(url: str, **headers: str) -> object:
    return httpx.get(url, headers=headers, timeout=1).raise_for_status()


ERRORS: dict[str, Fails] = {
    "pymongo: unescaped password": lambda url: _mongo(f"mongodb://reader:{SECRET}/x@db/"),
    "pymongo: wrong option": lambda url: _mongo(
        f"mongodb://reader:{SECRET}@db/?authMechanism={SECRET}"
    ),
    "pymongo: unreachable": lambda url: _mongo(
        f"mongodb://reader:{SECRET}@127.0.0.1:{_closed_port()}/?authSource=admin"
    ),
    "botocore: refused": lambda url: _client("s3", url).get_object(Bucket="none", Key="k"),
    "botocore: refused by a table": lambda url: _client("dynamodb", url).get_item(
        TableName="none", Key={"pk": {"S": SECRET}}
    ),
    "botocore: unreachable": lambda url: _client(
        "sqs", f"http://127.0.0.1:{_closed_port()}/?key={SECRET}"
    ).list_queues(),
    "obstore: refused": _s3store,
    "obstore: unreachable": lambda url: _s3store(f"http://127.0.0.1:{_closed_port()}"),
    "httpx: refused": lambda url: _get(_presigned(url)),
    "httpx: unreachable": lambda url: _get(
        _presigned(f"http://127.0.0.1:{_closed_port()}"), Authorization=f"Bearer {TOKEN}"
    ),
    "httpx: no address": lambda url: _get(f"https://user:{SECRET}@[db/hook?key={SECRET}"),
}


@pytest.mark.parametrize("fails", ERRORS.values(), ids=ERRORS)
def test_no_secret_of_a_drivers_error_is_shown(
    fails: Fails, aws_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log_lines()
    assert leaks(_failed(lambda: fails(aws_endpoint))) == []
    shown = capsys.readouterr()
    assert leaks(shown.out + shown.err) == []
    assert "run failed" in shown.err


def test_no_password_is_shown_where_mongodb_refuses_the_login(
    mongodb: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    log_lines()
    host, port = mongodb.address or ("", 0)
    uri = f"mongodb://reader:{SECRET}@{host}:{port}/?directConnection=true"
    assert "Authentication failed" in _failed(lambda: _mongo(uri, patience=30_000))
    assert leaks("".join(capsys.readouterr())) == []


def _failed(fails: Callable[[], object]) -> str:
    """What a run that fails so tells Lambda, and the failure of the ingest that it worked on."""
    failures = []

    def run() -> None:
        try:
            fails()
        except Exception as error:
            failures.append(Failure.of_ingest("gave-up-waiting", str(error), stage="planning"))
            logging.getLogger(__name__).exception("it failed", extra={"error": error})
            raise

    context: Any = LocalContext("planner")
    with pytest.raises(RunFailed) as failed, lambda_run("planner", context):
        run()
    return f"{failed.value} {failures}"
