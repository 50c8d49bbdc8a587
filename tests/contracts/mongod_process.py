"""Servers for tests that kill them, pair them or guard them; others share the fixture `mongodb`."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient

from course_backfill.adapters.mongodb import Client, Document
from course_backfill.local.mongod_binary import MongodUnavailable, find_mongod

MEMBER_OPTIONS = ("--replSet=rs", "--setParameter=enableTestCommands=1")
"""Of a member of a replica set, whose copying a test may stop and start."""


class MongodProcess:
    """One mongod; `uri` reaches it while it runs."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._folder = folder
        self._log = (folder / "mongod.log").open("wb")
        self._process = self._start(*options)

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

    def restart(self, *options: str) -> None:
        """Stops it and starts it again on the same port and folder, with these options alone."""
        self._process.terminate()
        self._process.wait(timeout=30)
        self._process = self._start(*options)

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

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # The binary and its options are the tests' own.
            [
                str(_binary()),
                f"--dbpath={self._folder}",
                f"--port={self.port}",
                "--bind_ip=127.0.0.1",
                "--nounixsocket",
                "--wiredTigerCacheSizeGB=0.25",
                # A member of a set would otherwise give its clients 15 seconds to leave it.
                "--setParameter=shutdownTimeoutMillisForSignaledShutdown=100",
                *options,
            ],
            stdout=self._log,
            stderr=self._log,
        )


@contextmanager
def running_mongod(folder: Path, *options: str) -> Iterator[MongodProcess]:
    """A mongod that lives as long as the block."""
    process = MongodProcess(folder, *options)
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def replica_set(*folders: Path) -> Iterator[list[MongodProcess]]:
    """A replica set with a member in each folder: the first leads, the others copy and no more."""
    processes: list[MongodProcess] = []
    try:
        processes.extend(MongodProcess(folder, *MEMBER_OPTIONS) for folder in folders)
        first, *others = processes
        members: list[dict[str, object]] = [{"_id": 0, "host": first.host}]
        with first.direct_client() as client:
            # A set of one elects itself at once, where a set of two takes ten seconds.
            client.admin.command("replSetInitiate", {"_id": "rs", "members": members})
        members += [
            {"_id": number, "host": other.host, "priority": 0, "votes": 0}
            for number, other in enumerate(others, start=1)
        ]
        if others:
            with MongoClient[Document](replica_set_uri(processes[:1])) as client:
                config = {"_id": "rs", "version": 2, "members": members}
                client.admin.command("replSetReconfig", config, force=True)
        yield processes
    finally:
        for process in processes:
            process.stop()


def replica_set_uri(processes: list[MongodProcess]) -> str:
    """The URI of the set that these processes form."""
    hosts = ",".join(process.host for process in processes)
    # The driver looks every half second, not every ten, who is primary and who is there.
    return f"mongodb://{hosts}/?replicaSet=rs&heartbeatFrequencyMS=500"


def _binary() -> Path:
    try:
        return find_mongod()
    except MongodUnavailable as missing:
        pytest.skip(str(missing))
