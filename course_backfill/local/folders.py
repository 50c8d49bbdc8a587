"""Folders that a person names, or that are made below the one a command is run in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_backfill.errors import InvalidInput, Problem

DATA_DIR_OPTION = "--data-dir"


@contextmanager
def usable(folder: Path, name: str = DATA_DIR_OPTION) -> Iterator[Path]:
    """Makes the folder; raises InvalidInput where that, or what the block does there, fails.

    `name` is what the person typed it as.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        detail = f"{folder} cannot be used ({error.strerror}); expected a folder to write to"
        raise InvalidInput(Problem(name, detail)) from None
