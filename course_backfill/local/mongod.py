"""Starts a MongoDB of our own on this machine: a replica set of one, so that majority is real."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from course_backfill.local.kept_process import Program
from course_backfill.local.mongod_binary import MongodUnavailable, find_mongod
from course_backfill.local.processes import Supervisor

NAME = "mongodb"
"""Of its process."""

REPLICA_SET = "course-backfill"
ALREADY_INITIALIZED = 23
ADDRESS_IN_USE = 48
"""What mongod exits with then."""

SECONDS_TO_START = 60
SECONDS_TO_STOP = 20.0
TRIES = 3


@contextlib.contextmanager
def running_mongod(data_dir: Path, port: int = 0) -> Iterator[str]:
    """The URI of a primary that accepts writes, for as long as the block lasts.

    See `start_mongod`, and Supervisor for how it ends.
    """
    with Supervisor() as supervisor:
        yield start_mongod(supervisor, data_dir, port)


def start_mongod(
    supervisor: Supervisor, data_dir: Path, port: int = 0, *, log_path: Path | None = None
) -> str:
    """The URI of a primary that accepts writes; killed, it comes back there with its data.

    `data_dir` may hold what an earlier run left. Port 0 takes a free one. Its log is below
    `data_dir` where no other place is named. Raises MongodUnavailable with what to install or set.
    """
    binary = find_mongod()
    data_dir.mkdir(parents=True, exist_ok=True)
    log = log_path or data_dir / "mongod.log"
    address = _started(supervisor, binary, data_dir, port, log)
    _become_primary(address)
    supervisor.keep(NAME)
    return f"mongodb://{address}/?replicaSet={REPLICA_SET}"


def _started(
    supervisor: Supervisor, binary: Path, data_dir: Path, port: int, log_path: Path
) -> str:
    """Its address, once it answers there."""
    # Between looking for a free port and mongod taking it, another program may be faster.
    for _ in range(TRIES):
        chosen = port or _free_port()
        program = Program(
            argv=_command(binary, data_dir, chosen),
            log_path=log_path,
            grace=SECONDS_TO_STOP,
            orphaned=signal.SIGTERM,
        )
        supervisor.start(NAME, program)
        if _answers(supervisor, f"127.0.0.1:{chosen}"):
            return f"127.0.0.1:{chosen}"
        is_in_use = supervisor.exit_code(NAME) == ADDRESS_IN_USE
        if is_in_use and port:
            raise MongodUnavailable(f"Port {port} is used by another program. Choose another one.")
        if not is_in_use:
            break
    raise MongodUnavailable(f"mongod does not start. Its last words are in {log_path}")


def _command(binary: Path, data_dir: Path, port: int) -> list[str]:
    return [
        str(binary),
        f"--dbpath={data_dir}",
        f"--port={port}",
        "--bind_ip=127.0.0.1",
        "--nounixsocket",
        f"--replSet={REPLICA_SET}",
        # A copy of every write; the default would take a twentieth of the disk.
        "--oplogSize=128",
        "--wiredTigerCacheSizeGB=0.5",
        "--setParameter=diagnosticDataCollectionEnabled=false",
        # A primary waits fifteen seconds for others to take over; there are none.
        "--setParameter=shutdownTimeoutMillisForSignaledShutdown=0",
    ]


def _answers(supervisor: Supervisor, address: str) -> bool:
    """False where it ended. Another server on the same port is not taken for it."""
    deadline = time.monotonic() + SECONDS_TO_START
    with _client(address) as client:
        while supervisor.exit_code(NAME) is None and time.monotonic() < deadline:
            with contextlib.suppress(PyMongoError):
                if client.admin.command("serverStatus")["pid"] == supervisor.pid(NAME):
                    return True
            time.sleep(0.05)
    return False


def _become_primary(address: str) -> None:
    members = [{"_id": 0, "host": address}]
    with _client(address) as client:
        try:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except OperationFailure as failure:
            if failure.code != ALREADY_INITIALIZED:
                raise
            # The folder is from an earlier run, which had another port.
            config = client.admin.command("replSetGetConfig")["config"]
            config |= {"members": members, "version": config["version"] + 1}
            client.admin.command("replSetReconfig", config, force=True)
        deadline = time.monotonic() + SECONDS_TO_START
        while not client.admin.command("hello")["isWritablePrimary"]:
            if time.monotonic() > deadline:
                raise MongodUnavailable("mongod started, but did not become a primary")
            time.sleep(0.02)


def _client(address: str) -> MongoClient[dict[str, object]]:
    return MongoClient(f"mongodb://{address}", directConnection=True, serverSelectionTimeoutMS=500)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
