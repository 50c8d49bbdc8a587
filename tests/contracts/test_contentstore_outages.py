"""A source that is away, refuses, dies or fails over: which error each is, and what goes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import bson
import pytest
from pymongo.errors import AutoReconnect
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import Secondary

from course_backfill.adapters.contentstore import ContentstoreSource
from course_backfill.adapters.mongodb import Client, connect
from course_backfill.courses import CourseId
from course_backfill.errors import SourceRefused, SourceUnavailable
from course_backfill.inventory import SourceObject
from tests.contracts.mongod_process import (
    MEMBER_OPTIONS,
    MongodProcess,
    replica_set,
    replica_set_uri,
    running_mongod,
)
from tests.contracts.source_fixtures import MongoContent

SPLIT = CourseId.parse("course-v1:Org+Course+Run")
CHUNK = 100_000
LARGE = b"".join(number.to_bytes(4, "big") * (CHUNK // 4) for number in range(100))
SECRET = "s3cr3t"


def every_verb(source: ContentstoreSource) -> Iterator[Callable[[], object]]:
    found = SourceObject("assets/a", "asset", 1, None, "asset-v1:a", None, {"chunkSize": 1})
    yield lambda: list(source.discover())
    yield lambda: list(source.inventory(SPLIT, check_chunks=True))
    yield lambda: source.current([found])
    yield lambda: list(source.read_batch([found]))
    yield lambda: list(source.stream(found))
    yield lambda: source.sharing(CourseId.parse("Org/Course/Run"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# --- away or refusing ---------------------------------------------------------------------------


def test_a_server_that_is_away_makes_every_verb_unavailable() -> None:
    with connect(
        f"mongodb://user:{SECRET}@127.0.0.1:{free_port()}/", timeout_seconds=0.1
    ) as client:
        source = ContentstoreSource(client=client, database="edxapp", sleep=lambda seconds: None)
        for verb in every_verb(source):
            with pytest.raises(SourceUnavailable, match="does not answer") as raised:
                verb()
            assert SECRET not in str(raised.value)
            assert "mongodb://" not in str(raised.value)


@pytest.mark.parametrize(
    "uri",
    [
        "http://host",
        f"mongodb://user:{SECRET}@with@at/db",
        f"mongodb://user:{SECRET}:more@host",
        f"mongodb://user:{SECRET}@host:port",
        f"mongodb://user:{SECRET}@host/?connectTimeoutMS=soon&authMechanism=NONE",
        "",
    ],
)
def test_a_uri_that_is_none_is_refused_without_being_quoted(uri: str) -> None:
    with pytest.raises(SourceRefused, match="URI cannot be used") as raised:
        connect(uri)
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_waits_that_a_uri_sets_are_kept() -> None:
    with connect("mongodb://localhost/?serverSelectionTimeoutMS=123") as client:
        assert client.options.server_selection_timeout == 0.123
        assert client.options.pool_options.connect_timeout == 5.0


@pytest.mark.parametrize(("wire", "version"), [(6, "3.6"), (7, "4.0"), (8, "4.2")])
def test_a_server_that_is_too_old_is_refused_by_its_version(wire: int, version: str) -> None:
    with (
        server_of_wire_version(wire) as port,
        connect(f"mongodb://127.0.0.1:{port}") as client,
        pytest.raises(SourceRefused, match=rf"too old \({version}\): 4\.4 or newer"),
    ):
        list(ContentstoreSource(client=client, database="edxapp").discover())


@contextmanager
def server_of_wire_version(wire: int) -> Iterator[int]:
    """Answers every greeting as a MongoDB server of that wire version does, and nothing else."""
    hello = {"ok": 1.0, "ismaster": True, "minWireVersion": 0, "maxWireVersion": wire}
    body = bson.encode(hello | {"maxBsonObjectSize": 2**24, "maxMessageSizeBytes": 2**25})
    reply = bytes(5) + body  # Flags, and a section that holds one document.

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while header := connection.recv(16, socket.MSG_WAITALL):
                length, request = (int.from_bytes(header[at : at + 4], "little") for at in (0, 4))
                connection.recv(length - 16, socket.MSG_WAITALL)
                head = (16 + len(reply), 0, request, 2013)  # OP_MSG
                connection.sendall(b"".join(n.to_bytes(4, "little") for n in head) + reply)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


# --- lost in the middle -------------------------------------------------------------------------


def large_file(client: Client) -> SourceObject:
    content = MongoContent(client["edxapp"])
    content.save(SPLIT, "large.bin", LARGE, chunk_bytes=CHUNK)
    [found] = ContentstoreSource(client=client, database="edxapp").inventory(
        SPLIT, check_chunks=False
    )
    return found


def test_a_killed_server_ends_a_stream_as_unavailable_after_some_tries(tmp_path: Path) -> None:
    pauses: list[float] = []
    with running_mongod(tmp_path) as process:
        with process.direct_client() as writer:
            found = large_file(writer)
        with connect(f"mongodb://{process.host}", timeout_seconds=1) as client:
            source = ContentstoreSource(client=client, database="edxapp", sleep=pauses.append)
            blocks = source.stream(found)
            got = [next(blocks)]
            process.kill()
            with pytest.raises(SourceUnavailable):
                got.extend(blocks)
    assert LARGE.startswith(b"".join(got))
    assert len(got) < 100
    assert pauses == [0.5, 1.0, 2.0]


def test_a_stream_goes_on_where_its_cursor_was_lost(mongodb: Client) -> None:
    database = mongodb["edxapp_streams"]
    content = MongoContent(database)
    content.save(SPLIT, "large.bin", LARGE, chunk_bytes=CHUNK)
    source = ContentstoreSource(client=mongodb, database=database.name, sleep=lambda seconds: None)
    [found] = source.inventory(SPLIT, check_chunks=True)

    killed = 0
    blocks = []
    for number, block in enumerate(source.stream(found)):
        blocks.append(block)
        if number % 30 == 5:
            killed += kill_cursors(mongodb, f"{database.name}.fs.chunks")
    assert killed >= 3
    assert b"".join(blocks) == LARGE
    mongodb.drop_database(database)


def kill_cursors(client: Client, namespace: str) -> int:
    """Kills the idle cursors of a collection, as a server does after ten minutes."""
    idle = client.admin.aggregate([{"$currentOp": {"idleCursors": True, "allUsers": True}}])
    cursors = [row["cursor"]["cursorId"] for row in idle if row.get("ns") == namespace]
    if cursors:
        database, _, collection = namespace.partition(".")
        client[database].command("killCursors", collection, cursors=cursors)
    return len(cursors)


def test_a_set_without_a_primary_is_unavailable_until_it_has_one(tmp_path: Path) -> None:
    with replica_set(tmp_path) as [process], process.direct_client() as member:
        uri = replica_set_uri([process])
        with connect(uri, timeout_seconds=30) as writer:
            found = large_file(writer)
        with connect(uri, timeout_seconds=1) as client:
            source = ContentstoreSource(client=client, database="edxapp")
            assert source.current([found]) == [found]
            with suppress(AutoReconnect):
                member.admin.command("replSetStepDown", 60, force=True)
            with pytest.raises(SourceUnavailable):
                source.current([found])
            member.admin.command("replSetFreeze", 0)
        with connect(uri, timeout_seconds=30) as client:
            source = ContentstoreSource(client=client, database="edxapp")
            assert source.current([found]) == [found]


# --- secondaries --------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[list[MongodProcess]]:
    """A primary and its secondary."""
    folders = [tmp_path / "primary", tmp_path / "secondary"]
    for folder in folders:
        folder.mkdir()
    with replica_set(*folders) as processes:
        yield processes


def test_a_secondary_is_read_when_it_has_caught_up_and_not_before(
    pair: list[MongodProcess],
) -> None:
    """Without waiting for the secondary, the file would seem to have lost its chunks."""
    with connect(replica_set_uri(pair), timeout_seconds=30) as client:
        wait_for_copy(client)
        set_copying(pair[1], stopped=True)
        found = large_file(client)
        before = queries(pair[1])
        copying = threading.Timer(1.0, set_copying, [pair[1]], {"stopped": False})
        copying.start()
        source = ContentstoreSource(client=client, database="edxapp")
        [read] = source.read_batch([found])
        copying.join()
        assert read.content == LARGE
        assert b"".join(source.stream(found)) == LARGE
        assert queries(pair[1]) >= before + 2


def test_a_chunk_that_a_secondary_lost_is_taken_from_the_primary(
    pair: list[MongodProcess],
) -> None:
    with connect(replica_set_uri(pair), timeout_seconds=30) as client:
        found = large_file(client)
        wait_for_copy(client)
    lose_chunk(pair[1], 7)
    with connect(replica_set_uri(pair), timeout_seconds=30) as client:
        wait_for_copy(client)
        before = queries(pair[1])
        source = ContentstoreSource(client=client, database="edxapp")
        [read] = source.read_batch([found])
        assert read.content == LARGE
        assert b"".join(source.stream(found)) == LARGE
        assert list(source.inventory(SPLIT, check_chunks=True)) == [found]
        assert queries(pair[1]) >= before + 2


def wait_for_copy(client: Client) -> None:
    """Until the driver knows of a secondary that holds what the primary holds."""
    with client.start_session(causal_consistency=True) as session:
        client.admin.command("ping", session=session)
        secondary = client["edxapp"].get_collection(
            "fs.files", read_concern=ReadConcern("majority"), read_preference=Secondary()
        )
        secondary.find_one({}, session=session)


def set_copying(process: MongodProcess, *, stopped: bool) -> None:
    """Stops a secondary from copying, or lets it go on."""
    with process.direct_client() as client:
        mode = "alwaysOn" if stopped else "off"
        client.admin.command("configureFailPoint", "stopReplProducer", mode=mode)


def queries(process: MongodProcess) -> int:
    """How many queries a member has answered."""
    with process.direct_client() as client:
        return int(client.admin.command("serverStatus")["opcounters"]["query"])


def lose_chunk(process: MongodProcess, number: int) -> None:
    """Deletes a chunk of the member alone, which must leave the set for it."""
    process.restart()
    with process.direct_client() as client:
        chunks = client["edxapp"]["fs.chunks"]
        assert chunks.delete_one({"n": number}).deleted_count == 1
    process.restart(*MEMBER_OPTIONS)
