"""One contentstore's collections, each with the guarantees that it is read with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import Primary, SecondaryPreferred

from course_backfill.adapters.mongodb import Client, Document

CHUNK_INDEX = {"files_id": 1, "n": 1}
"""GridFS's own index. Naming it in every query of chunks makes its absence an error, where the
server would otherwise read the whole collection."""

FAR_BEHIND_SECONDS = 90
"""How far behind a secondary is no longer read from; the least that MongoDB accepts."""


class ContentstoreDatabase:
    """The collections of a contentstore and of the modulestore beside it.

    Documents come from the primary and are majority-committed. Chunks come from a secondary where
    one is at most 90 seconds behind. Text that is no UTF-8 is decoded with surrogate escapes and
    dates beyond Python's as `DatetimeMS`, so that one bad document cannot end a query.
    """

    def __init__(self, client: Client, name: str, *, bucket: str, modulestore: str) -> None:
        self.client = client
        self.name = name
        self.bucket = bucket
        self.modulestore = modulestore
        self.files = self._collection(f"{bucket}.files")
        self.chunks = self._collection(f"{bucket}.chunks", from_secondary=True)
        self.primary_chunks = self._collection(f"{bucket}.chunks")
        self.active_versions = self._collection(f"{modulestore}.active_versions")
        self.structures = self._collection(f"{modulestore}.structures", from_secondary=True)
        self.old_blocks = self._collection(modulestore)

    @contextmanager
    def reading(self) -> Iterator[ClientSession]:
        """A session whose reads, from a secondary too, see all that the primary holds by now.

        Without it a lagging secondary could give the chunks of a file's earlier state, whole and
        of the same lengths, long after its new document was read from the primary.
        """
        with self.client.start_session(causal_consistency=True) as session:
            # Any answer of the primary tells the session how far a secondary must have come.
            self.client.admin.command("ping", session=session)
            yield session

    def _collection(self, name: str, *, from_secondary: bool = False) -> Collection[Document]:
        options: CodecOptions[dict[str, Any]] = CodecOptions(
            unicode_decode_error_handler="surrogateescape",
            tz_aware=True,
            tzinfo=UTC,
            datetime_conversion=DatetimeConversion.DATETIME_AUTO,
        )
        preference = SecondaryPreferred(max_staleness=FAR_BEHIND_SECONDS)
        return self.client[self.name].get_collection(
            name,
            codec_options=options,
            read_concern=ReadConcern("majority"),
            read_preference=preference if from_secondary else Primary(),
        )
