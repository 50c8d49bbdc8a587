"""A dump of a real Open edX database, where one is at hand, and what is known to be in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_SETTING = "COURSE_BACKFILL_TEST_DATA"


def real_data_folder() -> Path:
    """The folder of the dump; skips the test where there is none."""
    beside_the_repository = Path(__file__).parents[2] / "shared" / "data" / "edxapp"
    folder = Path(os.environ.get(_SETTING) or beside_the_repository)
    if not (folder / "expected.json").is_file():
        pytest.skip(f"needs a dump of a real Open edX database: set {_SETTING} to its folder")
    return folder


def expected_files(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Course → path → what is known of the file: length, sha256, kind, locked, intact, id.

    An id of the old form is JSON with sorted names, whatever their order in the database.
    """
    known: dict[str, dict[str, dict[str, Any]]] = json.loads(
        (folder / "expected.json").read_bytes()
    )
    return {
        _course(course): {
            f"{file['kind']}s/{file['name']}": {**file, "id": file_id}
            for file_id, file in files.items()
        }
        for course, files in known.items()
    }


def _course(key: str) -> str:
    """Files of the old form know no run: the only old course of the dump owns them."""
    return "OldOrg/CS50/2013" if key == "OldOrg/CS50" else key
