"""Loads a dump of one database into MongoDB, document by document as it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import bson
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure

from course_backfill.adapters.mongodb import Document, source_errors
from course_backfill.errors import InvalidInput, Problem
from course_backfill.local.bson_files import BrokenFile, bson_files, raw_documents
from course_backfill.local.dumped_indexes import Index, indexes_of

_LENIENT = bson.CodecOptions[Document](
    unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Text that is no UTF-8 and dates beyond Python's are what a database may hold, and a dump too."""

_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_DOCUMENTS = 1_000


def load_dump(directory: Path, database: Database[Document]) -> dict[str, int]:
    """Loads `<collection>.bson` or `.bson.gz` of a folder; returns collection → documents.

    Documents are stored byte for byte, so that the key order of ids stays; indexes are those of
    the dump's metadata, and GridFS's own. Every file is read through before anything is written.
    Raises InvalidInput that names every broken file and every collection that is not empty.
    """
    files = _files(directory)
    indexes: dict[str, list[Index]] = {}
    problems = [*_broken(files), *_not_understood(files, indexes)]
    with source_errors():
        problems.extend(_not_empty(files, database))
        if problems:
            raise InvalidInput(*problems)
        loaded = {name: _load(path, name, database) for name, path in files.items()}
        for name in files:
            _create(indexes[name], name, database)
    return loaded


def _files(directory: Path) -> dict[str, Path]:
    if not directory.is_dir():
        raise InvalidInput(Problem(str(directory), "expected a folder with a dump of one database"))
    files = bson_files(directory)
    if not files:
        raise InvalidInput(
            Problem(str(directory), "expected <collection>.bson or .bson.gz files of one database")
        )
    return files


def _broken(files: dict[str, Path]) -> Iterator[Problem]:
    for path in files.values():
        try:
            for document in raw_documents(path):
                bson.decode(document, _LENIENT)
        except BrokenFile as broken:
            yield Problem(path.name, str(broken))
        except (BSONError, ValueError):
            yield Problem(path.name, "it holds a document that is no BSON")


def _not_understood(files: dict[str, Path], indexes: dict[str, list[Index]]) -> Iterator[Problem]:
    """Fills `indexes`; names the notes that are none."""
    for name, path in files.items():
        try:
            indexes[name] = indexes_of(path, name)
        except BrokenFile as broken:
            yield Problem(path.name, str(broken))


def _not_empty(files: dict[str, Path], database: Database[Document]) -> Iterator[Problem]:
    for name in files:
        if database[name].find_one({}, {"_id": 1}) is not None:
            yield Problem(
                f"{database.name}.{name}",
                "the collection is not empty: load into another database, or drop it first",
            )


def _load(path: Path, name: str, database: Database[Document]) -> int:
    loaded = 0
    try:
        for batch in _batches(raw_documents(path)):
            database[name].insert_many(batch)
            loaded += len(batch)
    except BulkWriteError as error:
        reason = (error.details or {}).get("writeErrors", [{}])[0].get("code", "unknown")
        raise InvalidInput(
            Problem(path.name, f"MongoDB refused document {loaded + 1} or later (code {reason})")
        ) from error
    return loaded


def _batches(documents: Iterable[bytes]) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    size = 0
    for document in documents:
        if batch and (len(batch) == _BATCH_DOCUMENTS or size + len(document) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(RawBSONDocument(document))
        size += len(document)
    if batch:
        yield batch


def _create(indexes: list[Index], name: str, database: Database[Document]) -> None:
    if not indexes:
        return
    try:
        database.command("createIndexes", name, indexes=indexes)
    except OperationFailure as error:
        raise InvalidInput(
            Problem(f"{database.name}.{name}", f"its indexes cannot be made (code {error.code})")
        ) from error
