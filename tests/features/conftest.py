"""What feature tests share: one MongoDB and one embedded AWS for a whole run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from pymongo import MongoClient

from course_backfill.local.embedded_aws.server import running_embedded_aws
from course_backfill.local.mongod import running_mongod
from tests.features.installation import Installation
from tests.features.installation import installation as made_installation


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a MongoDB of this run's own."""
    with running_mongod(tmp_path_factory.mktemp("mongod")) as uri:
        yield uri


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The URL of an AWS of this run's own."""
    with running_embedded_aws() as url:
        yield url


@pytest.fixture
def installation(mongo_uri: str, endpoint: str) -> Iterator[Installation]:
    """An installation of this test's own, with nothing in it and no worker running."""
    name = f"edxapp_{uuid.uuid4().hex[:8]}"
    client: MongoClient[dict[str, object]] = MongoClient(mongo_uri)
    database = client[name]
    database["fs.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
    with made_installation(mongo_uri, database, endpoint) as made:
        yield made
    client.drop_database(name)
    client.close()
