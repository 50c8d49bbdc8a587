"""The file by which the commands on this machine find what `serve` runs, and its token."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

DATA_DIR_VARIABLE = "COURSE_BACKFILL_DATA_DIR"
DEFAULT_DATA_DIR = Path(".local/serve")
NAME = "client.json"


@dataclass(frozen=True, slots=True)
class ClientFile:
    """Where the API is and the token it asks for; and the servers that `serve` itself started.

    A server that `serve` was told to use is not in it: its address may hold a password.
    """

    url: str
    token: str
    mongo_uri: str | None = None
    mongo_database: str | None = None
    aws_endpoint_url: str | None = None

    def write(self, data_dir: Path) -> Path:
        """Stores it so that only its owner can read it, whatever was there before."""
        path = data_dir / NAME
        temporary = path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file)
        temporary.replace(path)
        return path

    @classmethod
    def read(cls, data_dir: Path) -> ClientFile | None:
        """What `serve` wrote there; None where it is not running from that directory."""
        try:
            return cls(**json.loads((data_dir / NAME).read_text()))
        except (FileNotFoundError, NotADirectoryError):
            return None

    @staticmethod
    def remove(data_dir: Path) -> None:
        """Takes it away, so that no command looks for an API that has stopped."""
        (data_dir / NAME).unlink(missing_ok=True)
