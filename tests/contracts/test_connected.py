"""A worker that starts while MongoDB is away comes up, and its steps say what they wait for."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from pymongo.database import Database

from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.contentstore import ContentstoreSource
from course_backfill.adapters.mongodb import Document, connect
from course_backfill.courses import CourseId
from course_backfill.errors import SourceRefused, SourceUnavailable
from course_backfill.settings import Settings
from services.aggregator.handler import build_step as aggregator_step
from services.planner.handler import build_step as planner_step
from services.replicator.handler import build_step as replicator_step
from services.verifier.handler import build_step as verifier_step

COURSE = CourseId.parse("course-v1:Org1+CS101+R1")


@pytest.fixture
def wiring() -> Iterator[ConnectedWiring]:
    """An installation whose MongoDB is away, and whose database no setting names."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    uri = f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=200"
    wiring = ConnectedWiring(
        Settings(
            mongo_uri=SecretStr(uri),
            aws_endpoint_url="http://127.0.0.1:9",
            aws_region="eu-west-1",
        )
    )
    yield wiring
    wiring.close()


def test_workers_start_without_the_source(wiring: ConnectedWiring) -> None:
    for make in (planner_step, replicator_step, verifier_step, aggregator_step):
        make(wiring)


def test_the_source_is_unavailable_until_it_answers(wiring: ConnectedWiring) -> None:
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            list(wiring.source.inventory(COURSE, check_chunks=True))


def test_a_name_that_cannot_be_looked_up_is_an_outage() -> None:
    uri = "mongodb+srv://reader:secret@db.nonexistent.invalid/?connectTimeoutMS=500"
    with connect(uri) as client:
        source = ContentstoreSource(client=client, database="edxapp")
        with pytest.raises(SourceUnavailable, match="host name") as raised:
            list(source.discover())
    assert "secret" not in str(raised.value)


def test_the_aggregator_never_asks_for_the_source(wiring: ConnectedWiring) -> None:
    aggregator_step(wiring)
    assert "mongodb" not in vars(wiring)


def test_a_database_that_cannot_be_told_is_a_refusal(database: Database[Document]) -> None:
    source = ContentstoreSource(client=database.client, bucket="no-such-bucket")
    with pytest.raises(SourceRefused, match="MONGO_DATABASE"):
        list(source.discover())
