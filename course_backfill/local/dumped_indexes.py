"""The indexes of a dumped collection: those that mongodump noted, and those that GridFS needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bson import json_util

from course_backfill.local.bson_files import BrokenFile, open_maybe_gzipped

Index = dict[str, Any]
"""A specification as the command createIndexes takes it."""

GRIDFS_CHUNKS: Index = {"key": {"files_id": 1, "n": 1}, "name": "files_id_1_n_1", "unique": True}
GRIDFS_FILES: Index = {"key": {"filename": 1, "uploadDate": 1}, "name": "filename_1_uploadDate_1"}


def indexes_of(path: Path, collection: str) -> list[Index]:
    """What to create beside the dump's file; raises BrokenFile where its notes are damaged."""
    noted = {index["name"]: index for index in _noted(path)}
    if collection.endswith(".chunks"):
        noted.setdefault(GRIDFS_CHUNKS["name"], GRIDFS_CHUNKS)
    if collection.endswith(".files"):
        noted.setdefault(GRIDFS_FILES["name"], GRIDFS_FILES)
    return list(noted.values())


def _noted(path: Path) -> list[Index]:
    stem = path.name.removesuffix(".gz").removesuffix(".bson")
    for name in (f"{stem}.metadata.json", f"{stem}.metadata.json.gz"):
        notes = path.with_name(name)
        if notes.is_file():
            return _read(notes)
    return []


def _read(notes: Path) -> list[Index]:
    try:
        with open_maybe_gzipped(notes) as stream:
            found = json_util.loads(stream.read())["indexes"]
        # The id's own index is always there, and a namespace is no longer taken.
        return [
            {field: value for field, value in index.items() if field != "ns"}
            for index in found
            if index["name"] != "_id_"
        ]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise BrokenFile(f"its notes in {notes.name} cannot be read") from error
