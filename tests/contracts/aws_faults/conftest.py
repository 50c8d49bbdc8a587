"""A scripted AWS over HTTP, and the adapters that ask it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.config import Config

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.dynamo_state import DynamoStateStore
from course_backfill.adapters.sqs import SqsQueues
from course_backfill.settings import Settings
from tests.contracts.aws_faults.scripted_aws import CUT_OFF, ScriptedAws


@pytest.fixture(scope="module")
def endpoint() -> Iterator[tuple[ScriptedAws, AwsClients]]:
    aws = ScriptedAws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, content = aws.answer(self.rfile.read(int(self.headers["Content-Length"])))
            if status == CUT_OFF:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: the test reads what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings = Settings(
        aws_endpoint_url=f"http://127.0.0.1:{server.server_port}", aws_region="eu-west-1"
    )
    # Two tries instead of five keep the client's own waiting short.
    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    yield aws, AwsClients.connect(settings, config=config)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def aws(endpoint: tuple[ScriptedAws, AwsClients]) -> ScriptedAws:
    aws, _ = endpoint
    aws.asked.clear()
    return aws


@pytest.fixture
def clients(endpoint: tuple[ScriptedAws, AwsClients]) -> AwsClients:
    return endpoint[1]


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def store(clients: AwsClients, slept: list[float]) -> DynamoStateStore:
    return DynamoStateStore(clients.dynamodb, "test", sleep=slept.append)


@pytest.fixture
def queues(clients: AwsClients, slept: list[float]) -> SqsQueues:
    return SqsQueues(clients.sqs, Settings(namespace="test"), sleep=slept.append)
