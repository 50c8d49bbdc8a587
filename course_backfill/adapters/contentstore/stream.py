"""One large file, chunk by chunk, over lost connections."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator

from pymongo.collection import Collection

from course_backfill.adapters.contentstore.chunk_sequence import ChunkSequence, bytes_of
from course_backfill.adapters.contentstore.database import CHUNK_INDEX, ContentstoreDatabase
from course_backfill.adapters.mongodb import Document, source_errors
from course_backfill.errors import SourceUnavailable
from course_backfill.inventory import Fault, SourceObject
from course_backfill.ports import BadObject

logger = logging.getLogger(__name__)

_REPLY_BYTES = 2 * 1024 * 1024
_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.5


class FileStream:
    """The bytes of one readable object, in blocks of a chunk each, checked on the way."""

    def __init__(
        self,
        database: ContentstoreDatabase,
        found: SourceObject,
        *,
        sleep: Callable[[float], None],
    ) -> None:
        self._database = database
        self._found = found
        self._sleep = sleep
        self._sequence = ChunkSequence(found)

    def blocks(self) -> Iterator[bytes]:
        """Goes on at the next chunk where a connection is lost, some tries for each such loss.

        Raises BadObject only for what the primary shows too, SourceUnavailable when tries run out.
        """
        lost = 0
        chunks = self._database.chunks
        while True:
            reached = self._sequence.next
            try:
                fault = yield from self._run(chunks)
            except SourceUnavailable:
                lost = 1 if self._sequence.next > reached else lost + 1
                if lost == _TRIES:
                    raise
                logger.warning(
                    "the connection was lost within a file; going on at chunk %d of %d",
                    self._sequence.next,
                    self._sequence.count,
                )
                self._sleep(_FIRST_PAUSE_SECONDS * 2 ** (lost - 1))
                continue
            if fault is None:
                return
            if chunks is self._database.primary_chunks:
                raise BadObject(fault)
            chunks = self._database.primary_chunks

    def _run(self, chunks: Collection[Document]) -> Generator[bytes, None, Fault | None]:
        sequence = self._sequence
        query: Document = {"files_id": self._found.source_id}
        if sequence.next:
            query["n"] = {"$gte": sequence.next}
        with source_errors(), self._database.reading() as session:
            rows = chunks.find(
                query,
                {"_id": 0, "n": 1, "data": 1},
                sort=[("n", 1)],
                hint=CHUNK_INDEX,
                batch_size=max(2, _REPLY_BYTES // sequence.chunk_size),
                session=session,
            )
            for chunk in rows:
                data = bytes_of(chunk)
                fault = sequence.take(chunk.get("n"), len(data))
                if fault:
                    return fault
                yield data
        return sequence.end()
