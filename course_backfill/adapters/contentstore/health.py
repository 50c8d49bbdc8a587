"""Whether it is safe to read this contentstore: what `check` looks at before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pymongo.errors import OperationFailure

from course_backfill.adapters.contentstore.database import CHUNK_INDEX, ContentstoreDatabase
from course_backfill.adapters.contentstore.edit_hours import WEEKS, edits_by_hour, quietest
from course_backfill.adapters.contentstore.replicas import replicas
from course_backfill.adapters.contentstore.rights import rights
from course_backfill.adapters.mongodb import Client, Document, source_errors
from course_backfill.clock import Clock
from course_backfill.errors import CourseBackfillError
from course_backfill.findings import Finding

_OLD_INDEX = ["_id.org", "_id.course"]
_HOURS_MILLISECONDS = 5_000


def check_source(
    *,
    client: Client,
    database: str,
    clock: Clock,
    bucket: str = "fs",
    modulestore: str = "modulestore",
) -> list[Finding]:
    """What was found, in the order in which a person would look; never raises.

    A finding that is ok and yet has an action is advice. Where MongoDB cannot be reached, that is
    the only finding.
    """
    looked_at = ContentstoreDatabase(client, database, bucket=bucket, modulestore=modulestore)
    server = list(_guarded("MongoDB server", lambda: _server(looked_at)))
    if not server or not server[0].ok:
        return server
    return [
        *server,
        *_guarded("MongoDB replicas", lambda: replicas(client)),
        *_guarded("MongoDB rights", lambda: rights(client, database)),
        *_guarded("contentstore", lambda: _collections(looked_at)),
        *_guarded("hours", lambda: _hours(looked_at, clock)),
    ]


def _guarded(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        with source_errors():
            yield from look()
    except CourseBackfillError as error:
        yield Finding(
            name, False, str(error), "Check MONGO_URI, its user's rights and the network."
        )


def _server(looked_at: ContentstoreDatabase) -> Iterator[Finding]:
    hello = looked_at.client.admin.command("hello")
    version = looked_at.client.admin.command("buildInfo")["version"]
    if hello.get("msg") == "isdbgrid":
        shape = "a sharded cluster"
    else:
        shape = f"replica set {hello['setName']}" if "setName" in hello else "a single server"
    is_primary = bool(hello.get("isWritablePrimary"))
    yield Finding(
        "MongoDB server",
        is_primary,
        f"MongoDB {version}, {shape}" if is_primary else f"MongoDB {version}, no primary",
        ""
        if is_primary
        else "Documents are read from the primary: name the replica set in MONGO_URI, without "
        "directConnection.",
    )


def _collections(looked_at: ContentstoreDatabase) -> Iterator[Finding]:
    files, chunks = f"{looked_at.bucket}.files", f"{looked_at.bucket}.chunks"
    missing = {files, chunks} - set(looked_at.files.database.list_collection_names())
    if missing:
        yield Finding(
            "contentstore",
            False,
            f"The database {looked_at.name} has no collection {' and no '.join(sorted(missing))}.",
            "Check MONGO_DATABASE and the name of the GridFS bucket.",
        )
        return
    count = looked_at.files.estimated_document_count()
    yield Finding("contentstore", True, f"about {count:,} files in {looked_at.name}.{files}")
    keys = [list(index["key"]) for index in looked_at.chunks.list_indexes()]
    has_index = list(CHUNK_INDEX) in keys
    yield Finding(
        "chunk index",
        has_index,
        f"{chunks} {'has' if has_index else 'has no'} index on (files_id, n)",
        ""
        if has_index
        else f"Create it: db['{chunks}'].createIndex({{files_id: 1, n: 1}}, {{unique: true}})",
    )
    yield from _old_index(looked_at)


def _old_index(looked_at: ContentstoreDatabase) -> Iterator[Finding]:
    query: Document = {"_id": {"$gte": {}}}
    if looked_at.files.find_one(query, {"_id": 1}) is None:
        yield Finding("old-form files", True, "there are none")
        return
    keys = [list(index["key"])[:2] for index in looked_at.files.list_indexes()]
    has_index = _OLD_INDEX in keys
    yield Finding(
        "old-form files",
        True,
        f"an index on _id.org, _id.course {'is there' if has_index else 'is missing'}",
        "" if has_index else "None needed: the inventory of an old course reads all old files.",
    )


def _hours(looked_at: ContentstoreDatabase, clock: Clock) -> Iterator[Finding]:
    try:
        edits = edits_by_hour(looked_at, now=clock(), milliseconds=_HOURS_MILLISECONDS)
    except OperationFailure as error:
        if not error.timeout:
            raise
        yield Finding(
            "quiet hours", True, f"not measured: it takes over {_HOURS_MILLISECONDS / 1000:.0f} s"
        )
        return
    runs = "; ".join(map(str, quietest(edits)))
    yield Finding("quiet hours", True, f"fewest edits of the last {WEEKS} weeks, UTC: {runs}")
