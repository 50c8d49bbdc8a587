"""What the adapters make of an AWS that conflicts, throttles, refuses, fails or loses answers.

No emulator does these things, so an HTTP server answers what the test wrote down, word for word as
DynamoDB and SQS document it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.config import Config

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.dynamo_state import MAX_CONFLICTS, DynamoStateStore
from course_backfill.adapters.sqs import MAX_TRIES, SqsQueues
from course_backfill.errors import (
    ConditionFailed,
    CourseBackfillError,
    QueueRefused,
    QueueUnavailable,
    StateRefused,
    StateUnavailable,
)
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Condition, Key, Write
from course_backfill.settings import Settings

KEY, OTHER = Key("ingests", "i", "INGEST"), Key("courses", "c", "COURSE")
CUT_OFF = 0
"""The status of an answer that never comes: the connection ends after the request was read."""


@dataclass
class ScriptedAws:
    """Gives one answer after the other, the last one for ever; keeps what was asked."""

    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, body: bytes) -> tuple[int, bytes]:
        self.asked.append(json.loads(body))
        status, content = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, json.dumps(content).encode()


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


def error(name: str, status: int = 400, **more: Any) -> tuple[int, dict[str, Any]]:
    """An error as DynamoDB words it."""
    named = {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": "as documented"}
    return status, named | more


def cancelled(*codes: str) -> tuple[int, dict[str, Any]]:
    """A cancelled transaction, with the reason of each write."""
    reasons = [{"Code": code} for code in codes]
    return error("TransactionCanceledException", CancellationReasons=reasons)


def two_writes(store: DynamoStateStore) -> None:
    store.write(
        Write(KEY, item={"a": 1}), Write(OTHER, add={"n": 1}, when=[Condition("n", "exists")])
    )


# --- DynamoDB ---


@pytest.mark.parametrize(
    "conflict",
    [
        cancelled("None", "TransactionConflict"),
        cancelled("TransactionConflict", "ThrottlingError"),
        cancelled("ProvisionedThroughputExceeded", "None"),
        error("TransactionConflictException"),
    ],
)
def test_a_conflict_is_tried_again_after_a_pause(
    aws: ScriptedAws, store: DynamoStateStore, slept: list[float], conflict: tuple[int, Any]
) -> None:
    aws.answers = [conflict, conflict, (200, {})]
    two_writes(store)
    assert len(aws.asked) == 3
    assert len(slept) == 2


def test_conflicts_that_never_end_are_an_outage(
    aws: ScriptedAws, store: DynamoStateStore, slept: list[float]
) -> None:
    aws.answers = [cancelled("None", "TransactionConflict")]
    with pytest.raises(StateUnavailable):
        two_writes(store)
    assert len(aws.asked) == MAX_CONFLICTS
    assert max(slept) <= 2.0


def test_a_failed_condition_is_never_tried_again(aws: ScriptedAws, store: DynamoStateStore) -> None:
    aws.answers = [cancelled("TransactionConflict", "ConditionalCheckFailed")]
    with pytest.raises(ConditionFailed, match="courses c COURSE"):
        two_writes(store)
    assert len(aws.asked) == 1


def test_a_single_write_that_meets_a_transaction_is_tried_again(
    aws: ScriptedAws, store: DynamoStateStore
) -> None:
    aws.answers = [error("TransactionConflictException"), (200, {})]
    store.write(Write(KEY, item={"a": 1}))
    assert len(aws.asked) == 2


def test_a_single_failed_condition_is_named(aws: ScriptedAws, store: DynamoStateStore) -> None:
    aws.answers = [error("ConditionalCheckFailedException")]
    with pytest.raises(ConditionFailed, match="ingests i INGEST"):
        store.write(Write(KEY, item={}, when=[Condition("pk", "absent")]))


@pytest.mark.parametrize("lost", [(CUT_OFF, {}), error("InternalServerError", 500)])
def test_a_transaction_whose_answer_was_lost_is_repeated_under_its_token(
    aws: ScriptedAws, store: DynamoStateStore, lost: tuple[int, Any]
) -> None:
    aws.answers = [lost, (200, {})]
    two_writes(store)
    first, second = aws.asked
    assert first["ClientRequestToken"] == second["ClientRequestToken"]


def test_an_addition_has_a_token_though_it_is_a_single_write(
    aws: ScriptedAws, store: DynamoStateStore
) -> None:
    aws.answers = [(CUT_OFF, {}), (200, {})]
    store.write(Write(KEY, add={"n": 1}))
    assert len({one["ClientRequestToken"] for one in aws.asked}) == 1


def test_a_transaction_after_a_conflict_has_a_token_of_its_own(
    aws: ScriptedAws, store: DynamoStateStore
) -> None:
    aws.answers = [cancelled("None", "TransactionConflict"), (200, {})]
    two_writes(store)
    assert len({one["ClientRequestToken"] for one in aws.asked}) == 2


VERBS: list[Callable[[DynamoStateStore], object]] = [
    lambda store: store.get(KEY),
    lambda store: store.query("ingests", "i"),
    lambda store: store.query_index("due", "due#1", limit=5),
    lambda store: store.write(Write(KEY, item={})),
    two_writes,
]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((CUT_OFF, {}), StateUnavailable),
        (error("InternalServerError", 500), StateUnavailable),
        ((503, {}), StateUnavailable),
        (error("ExpiredTokenException"), StateUnavailable),
        (error("ResourceNotFoundException"), StateRefused),
        (error("AccessDeniedException"), StateRefused),
        (error("UnrecognizedClientException"), StateRefused),
    ],
)
def test_every_verb_names_outages_and_refusals(
    aws: ScriptedAws,
    store: DynamoStateStore,
    verb: Callable[[DynamoStateStore], object],
    answer: tuple[int, Any],
    expected: type[CourseBackfillError],
) -> None:
    aws.answers = [answer]
    with pytest.raises(expected):
        verb(store)


def test_throttling_beyond_the_client_s_tries_is_an_outage(
    aws: ScriptedAws, store: DynamoStateStore
) -> None:
    aws.answers = [error("ThrottlingException")]
    with pytest.raises(StateUnavailable, match="ThrottlingException"):
        store.get(KEY)
    assert len(aws.asked) == 2


def test_an_endpoint_where_nobody_listens_is_an_outage(slept: list[float]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        nobody = server.server_port
    settings = Settings(aws_endpoint_url=f"http://127.0.0.1:{nobody}", aws_region="eu-west-1")
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    clients = AwsClients.connect(settings, config=config)
    with pytest.raises(StateUnavailable):
        DynamoStateStore(clients.dynamodb, "test").get(KEY)
    with pytest.raises(QueueUnavailable):
        SqsQueues(clients.sqs, settings).send([message(1)])


# --- the requests themselves ---


def test_reads_by_key_are_consistent(aws: ScriptedAws, store: DynamoStateStore) -> None:
    aws.answers = [(200, {"Items": []})]
    store.get(KEY)
    store.query("ingests", "i")
    assert [one["ConsistentRead"] for one in aws.asked] == [True, True]


def test_every_name_is_a_placeholder(aws: ScriptedAws, store: DynamoStateStore) -> None:
    aws.answers = [(200, {})]
    store.write(
        Write(
            KEY,
            assign={"status": "x", "size": True},
            remove=["name"],
            when=[Condition("status", "one-of", ["a", 1]), Condition("size", "equals", None)],
        )
    )
    [asked] = aws.asked
    assert asked["UpdateExpression"] == "SET #n0 = :v0, #n1 = :v1 REMOVE #n2"
    assert asked["ConditionExpression"] == "#n0 IN (:v2, :v3) AND attribute_not_exists(#n1)"
    assert asked["ExpressionAttributeNames"] == {"#n0": "status", "#n1": "size", "#n2": "name"}
    assert asked["ExpressionAttributeValues"] == {
        ":v0": {"S": "x"},
        ":v1": {"BOOL": True},
        ":v2": {"S": "a"},
        ":v3": {"N": "1"},
    }


# --- SQS ---


def message(number: int) -> StepMessage:
    return StepMessage(ingest="i", epoch=1, step=Step.VERIFY, replica="primary", packet=number)


def failed(*ids: str, sender: bool = False) -> tuple[int, dict[str, Any]]:
    entries = [{"Id": one, "SenderFault": sender, "Code": "InternalError"} for one in ids]
    return 200, {"Successful": [], "Failed": entries}


URL = (200, {"QueueUrl": "http://127.0.0.1/test-verifier"})


def test_only_messages_that_failed_are_sent_again(
    aws: ScriptedAws, queues: SqsQueues, slept: list[float]
) -> None:
    aws.answers = [URL, failed("1", "2"), failed("2"), (200, {"Successful": []})]
    queues.send([message(number) for number in range(3)])
    sent = [[entry["Id"] for entry in one["Entries"]] for one in aws.asked[1:]]
    assert sent == [["0", "1", "2"], ["1", "2"], ["2"]]
    assert len(slept) == 2


def test_messages_that_keep_failing_are_an_outage(
    aws: ScriptedAws, queues: SqsQueues, slept: list[float]
) -> None:
    aws.answers = [URL, failed("0")]
    with pytest.raises(QueueUnavailable, match="InternalError"):
        queues.send([message(0)])
    assert len(aws.asked) == 1 + MAX_TRIES


def test_messages_that_are_refused_are_not_sent_again(aws: ScriptedAws, queues: SqsQueues) -> None:
    aws.answers = [URL, failed("0", sender=True)]
    with pytest.raises(QueueRefused):
        queues.send([message(0)])
    assert len(aws.asked) == 2


def test_the_address_of_a_queue_is_asked_for_once(aws: ScriptedAws, queues: SqsQueues) -> None:
    aws.answers = [URL, (200, {"Successful": []})]
    queues.send([message(0)])
    queues.send([message(1)])
    assert len(aws.asked) == 3
