"""Many small files by one query: about ten times as fast as a query for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from course_backfill.adapters.contentstore.chunk_sequence import ChunkSequence, bytes_of
from course_backfill.adapters.contentstore.database import CHUNK_INDEX, ContentstoreDatabase
from course_backfill.adapters.contentstore.ids import key_of
from course_backfill.adapters.mongodb import Document
from course_backfill.inventory import Fault, SourceObject
from course_backfill.ports import ReadObject

_REPLY_BYTES = 4 * 1024 * 1024
_FILES_PER_QUERY = 1_000


def read_files(
    database: ContentstoreDatabase, objects: Sequence[SourceObject]
) -> Iterator[ReadObject]:
    """Reads readable objects, each once; what seems at fault is read again from the primary.

    Holds the bytes of one file and of one reply (about 4 MiB) at a time.
    """
    for start in range(0, len(objects), _FILES_PER_QUERY):
        asked = objects[start : start + _FILES_PER_QUERY]
        with database.reading() as session:
            at_fault = []
            for read in _read(database.chunks, asked, session):
                if isinstance(read.content, Fault):
                    at_fault.append(read.source)
                else:
                    yield read
            yield from _read(database.primary_chunks, at_fault, session)


def _read(
    chunks: Collection[Document], objects: Sequence[SourceObject], session: ClientSession
) -> Iterator[ReadObject]:
    awaited = {key_of(found.source_id): found for found in objects}
    if not awaited:
        return
    rows = chunks.find(
        {"files_id": {"$in": [found.source_id for found in objects]}},
        {"_id": 0, "files_id": 1, "n": 1, "data": 1},
        sort=list(CHUNK_INDEX.items()),
        hint=CHUNK_INDEX,
        batch_size=_reply_chunks(objects),
        session=session,
    )
    for key, own in groupby(rows, lambda row: key_of(row["files_id"])):
        found = awaited.pop(key, None)
        if found:
            yield ReadObject(found, _assemble(found, own))
    # What is left has no chunk at all, as empty files should.
    for found in awaited.values():
        yield ReadObject(found, _assemble(found, iter(())))


def _assemble(found: SourceObject, chunks: Iterator[Document]) -> bytes | Fault:
    sequence = ChunkSequence(found)
    parts: list[bytes] = []
    for chunk in chunks:
        data = bytes_of(chunk)
        fault = sequence.take(chunk.get("n"), len(data))
        if fault:
            return fault
        parts.append(data)
    return sequence.end() or (parts[0] if len(parts) == 1 else b"".join(parts))


def _reply_chunks(objects: Sequence[SourceObject]) -> int:
    """How many chunks make a reply of about 4 MiB: fewer in flight, and faster than 16 MiB ones."""
    sequences = [ChunkSequence(found) for found in objects]
    mean = sum(found.size for found in objects) / max(sum(one.count for one in sequences), 1)
    return max(2, min(1_000, int(_REPLY_BYTES / max(mean, 1))))
