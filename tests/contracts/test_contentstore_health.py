"""What a check of the source finds, on servers that are well and on servers that are not."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bson import ObjectId
from pymongo.database import Database

from course_backfill.adapters.contentstore import ContentstoreSource, check_source
from course_backfill.adapters.contentstore.databases import find_database
from course_backfill.adapters.contentstore.edit_hours import QuietHours, quietest
from course_backfill.adapters.mongodb import Client, Document, connect
from course_backfill.courses import CourseId
from course_backfill.errors import InvalidInput, SourceRefused
from course_backfill.findings import Finding
from tests.contracts.mongod_process import MongodProcess, replica_set, running_mongod
from tests.contracts.source_fixtures import MongoContent

SPLIT = CourseId.parse("course-v1:Org+Course+Run")
OLD = CourseId.parse("Org/Course/2013")
NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)  # A Wednesday.
SECRET = "s3cr3t"


def findings_of(client: Client, database: str) -> dict[str, Finding]:
    found = check_source(client=client, database=database, clock=lambda: NOW)
    by_name = {finding.name: finding for finding in found}
    assert len(by_name) == len(found)
    assert all(finding.action for finding in found if not finding.ok)
    return by_name


def test_a_healthy_source_has_no_fault(database: Database[Document]) -> None:
    MongoContent(database).save(SPLIT, "a.txt", b"a")

    found = findings_of(database.client, database.name)
    assert [finding for finding in found.values() if not finding.ok] == []
    assert found["MongoDB server"].detail.startswith("MongoDB ")
    assert found["MongoDB server"].detail.endswith(", replica set course-backfill")
    assert found["replica lag"].detail == "there is no secondary: the primary serves every read"
    assert found["MongoDB rights"].action  # Nobody logs in: allowed, and advised against.
    assert found["contentstore"].detail.startswith("about 1 files")
    assert found["chunk index"].detail == "fs.chunks has index on (files_id, n)"
    assert found["old-form files"].detail == "there are none"


def test_a_server_that_is_away_is_the_only_finding() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"mongodb://user:{SECRET}@127.0.0.1:{probe.getsockname()[1]}"
        with connect(uri, timeout_seconds=0.1) as client:
            [finding] = check_source(client=client, database="edxapp", clock=lambda: NOW)
    assert not finding.ok
    assert finding.detail == "MongoDB does not answer (connection refused)."
    assert finding.action


def test_a_database_without_a_contentstore_is_a_fault(database: Database[Document]) -> None:
    database["other"].insert_one({})

    found = findings_of(database.client, database.name)
    assert not found["contentstore"].ok
    assert "no collection fs.chunks and no fs.files" in found["contentstore"].detail


def test_a_missing_index_of_chunks_is_a_fault(database: Database[Document]) -> None:
    MongoContent(database).save(SPLIT, "a.txt", b"a")
    database["fs.chunks"].drop_indexes()

    finding = findings_of(database.client, database.name)["chunk index"]
    assert not finding.ok
    assert "createIndex" in finding.action


def test_old_files_without_an_index_of_courses_are_no_fault(database: Database[Document]) -> None:
    MongoContent(database).save(OLD, "a.txt", b"a")

    finding = findings_of(database.client, database.name)["old-form files"]
    assert finding.ok
    assert finding.action
    database["fs.files"].create_index([("_id.org", 1), ("_id.course", 1), ("_id.name", 1)])
    assert not findings_of(database.client, database.name)["old-form files"].action


# --- users --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongodProcess]:
    """A server that wants a user: one may read edxapp, one may write it, one may do neither."""
    with running_mongod(tmp_path_factory.mktemp("guarded"), "--auth") as process:
        with process.direct_client() as client:
            client.admin.command("createUser", "root", pwd=SECRET, roles=["root"])
        with process.direct_client(username="root", password=SECRET) as client:
            MongoContent(client["edxapp"]).save(SPLIT, "a.txt", b"a")
            for user, roles in (
                ("reader", [{"role": "read", "db": "edxapp"}]),
                ("writer", [{"role": "readWrite", "db": "edxapp"}]),
                ("stranger", [{"role": "read", "db": "other"}]),
            ):
                client.admin.command("createUser", user, pwd=SECRET, roles=roles)
        yield process


def login(process: MongodProcess, user: str, password: str = SECRET) -> Client:
    return connect(f"mongodb://{user}:{password}@{process.host}/", timeout_seconds=3)


def test_a_user_who_may_read_and_no_more_is_what_is_wanted(guarded: MongodProcess) -> None:
    with login(guarded, "reader") as client:
        found = findings_of(client, "edxapp")
        assert [finding for finding in found.values() if not finding.ok] == []
        assert found["MongoDB rights"].action == ""
        assert found["MongoDB server"].detail.endswith(", a single server")
        source = ContentstoreSource(client=client, database="edxapp")
        assert list(source.discover()) == [SPLIT]
        assert len(list(source.inventory(SPLIT, check_chunks=True))) == 1


@pytest.mark.parametrize("user", ["writer", "root"])
def test_a_user_who_may_write_is_a_fault(guarded: MongodProcess, user: str) -> None:
    with login(guarded, user) as client:
        finding = findings_of(client, "edxapp")["MongoDB rights"]
    assert not finding.ok
    assert "insert" in finding.detail


def test_a_user_who_may_not_read_is_refused_without_secrets(guarded: MongodProcess) -> None:
    with login(guarded, "stranger") as client:
        found = findings_of(client, "edxapp")
        assert not found["MongoDB rights"].ok
        assert not found["contentstore"].ok
        with pytest.raises(SourceRefused, match="may not read") as raised:
            list(ContentstoreSource(client=client, database="edxapp").discover())
    assert SECRET not in str(raised.value)


def test_a_wrong_password_is_refused_without_secrets(guarded: MongodProcess) -> None:
    with login(guarded, "reader", password="wr0ng") as client:
        with pytest.raises(SourceRefused, match="refused the user or the password") as raised:
            list(ContentstoreSource(client=client, database="edxapp").discover())
        [finding] = check_source(client=client, database="edxapp", clock=lambda: NOW)
    assert "wr0ng" not in str(raised.value)
    assert not finding.ok


# --- which database -----------------------------------------------------------------------------


def test_the_only_database_with_a_contentstore_is_found(guarded: MongodProcess) -> None:
    with login(guarded, "reader") as client:
        assert find_database(client) == "edxapp"
        with pytest.raises(InvalidInput, match=r"MONGO_DATABASE: .* has a other\.files"):
            find_database(client, bucket="other")


def test_of_several_databases_one_must_be_named(guarded: MongodProcess) -> None:
    with login(guarded, "root") as root:
        MongoContent(root["openedx"]).save(SPLIT, "a.txt", b"a")
        with pytest.raises(InvalidInput, match="MONGO_DATABASE: expected one of edxapp, openedx"):
            find_database(root)
        uri = f"mongodb://root:{SECRET}@{guarded.host}/openedx?authSource=admin"
        with connect(uri, timeout_seconds=10) as client:
            assert find_database(client) == "openedx"
        root.drop_database("openedx")


# --- replicas and hours -------------------------------------------------------------------------


def test_a_secondary_and_how_far_it_is_behind_are_seen(tmp_path: Path) -> None:
    folders = [tmp_path / "primary", tmp_path / "secondary"]
    for folder in folders:
        folder.mkdir()
    with replica_set(*folders) as [primary, secondary], primary.direct_client() as client:
        MongoContent(client["edxapp"]).save(SPLIT, "a.txt", b"a")
        assert lag_until(client, "secondaries: 1, the slowest 0 s behind; members away: 0").ok
        secondary.kill()
        assert not lag_until(client, "members away: 1").ok


def lag_until(client: Client, detail: str) -> Finding:
    """The finding once it says so: members tell one another of their states every two seconds."""
    for _ in range(100):
        finding = findings_of(client, "edxapp")["replica lag"]
        if detail in finding.detail:
            break
        time.sleep(0.2)
    return finding


def test_the_quietest_hours_are_counted_from_uploads_and_edits(
    database: Database[Document],
) -> None:
    content = MongoContent(database)
    database["fs.files"].create_index([("filename", 1), ("uploadDate", 1)])
    sunday = datetime(2026, 3, 1, tzinfo=UTC)
    quiet = {3, 4, 5, 6, 80, 81, 82, 83, 120, 121, 122, 123}
    for hour in set(range(168)) - quiet:
        uploaded = sunday - timedelta(weeks=1) + timedelta(hours=hour, minutes=30)
        content.save(SPLIT, f"{hour}.txt", b"", uploaded=uploaded)
    edited = sunday - timedelta(weeks=2) + timedelta(hours=80, minutes=5)
    database["modulestore.structures"].insert_one({"_id": ObjectId.from_datetime(edited)})
    long_ago = NOW - timedelta(weeks=9)
    content.save(SPLIT, "old.txt", b"", uploaded=long_ago)

    detail = findings_of(database.client, database.name)["quiet hours"].detail
    assert detail == (
        "fewest edits of the last 8 weeks, UTC: Sunday 03:00 to 07:00 (0 edits); "
        "Friday 00:00 to 04:00 (0 edits); Wednesday 08:00 to 12:00 (1 edit)"
    )


def test_quiet_hours_may_run_over_the_end_of_the_week() -> None:
    busy = Counter(dict.fromkeys(range(168), 9))
    for hour in (166, 167, 0, 1):
        busy[hour] = 1

    [first] = quietest(busy, runs=1)
    assert first == QuietHours(start=166, hours=4, edits=4)
    assert str(first) == "Saturday 22:00 to 02:00 (4 edits)"
