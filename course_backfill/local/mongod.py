"""Starts a MongoDB of our own on this machine: a replica set of one, so that majority is real."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from course_backfill.local.bound_process import bound
from course_backfill.local.mongod_binary import MongodUnavailable, find_mongod

REPLICA_SET = "course-backfill"
ALREADY_INITIALIZED = 23
ADDRESS_IN_USE = 48
"""What mongod exits with then."""

SECONDS_TO_START = 60
SECONDS_TO_STOP = 20
TRIES = 3


@contextlib.contextmanager
def running_mongod(data_dir: Path, port: int = 0) -> Iterator[str]:
    """The URI of a primary that accepts writes, for as long as the block lasts.

    `data_dir` may hold what an earlier run left. Port 0 takes a free one. It ends with the thread
    that started it. Raises MongodUnavailable with what to install or to set.
    """
    binary = find_mongod()
    data_dir.mkdir(parents=True, exist_ok=True)
    with _started(binary, data_dir, port) as address:
        _become_primary(address)
        yield f"mongodb://{address}/?replicaSet={REPLICA_SET}"


@contextlib.contextmanager
def _started(binary: Path, data_dir: Path, port: int) -> Iterator[str]:
    log_path = data_dir / "mongod.log"
    # Between looking for a free port and mongod taking it, another program may be faster.
    for attempt in range(1, TRIES + 1):
        chosen = port or _free_port()
        process = subprocess.Popen(  # noqa: S603 - Our own command.
            bound(_command(binary, data_dir, chosen, log_path), signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for the program that started it, which stops it last.
            start_new_session=True,
        )
        with process:
            try:
                if _answers(process, f"127.0.0.1:{chosen}"):
                    yield f"127.0.0.1:{chosen}"
                    return
            finally:
                _stop(process)
        if process.returncode == ADDRESS_IN_USE and port:
            raise MongodUnavailable(f"Port {port} is used by another program. Choose another one.")
        if process.returncode != ADDRESS_IN_USE or attempt == TRIES:
            raise MongodUnavailable(
                f"mongod ended while starting. Its last words are in {log_path}"
            )


def _command(binary: Path, data_dir: Path, port: int, log_path: Path) -> list[str]:
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
        f"--logpath={log_path}",
        "--logappend",
        "--setParameter=diagnosticDataCollectionEnabled=false",
        # A primary waits fifteen seconds for others to take over; there are none.
        "--setParameter=shutdownTimeoutMillisForSignaledShutdown=0",
    ]


def _answers(process: subprocess.Popen[bytes], address: str) -> bool:
    """False where it ended. Another server on the same port is not taken for it."""
    deadline = time.monotonic() + SECONDS_TO_START
    with _client(address) as client:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(PyMongoError):
                if client.admin.command("serverStatus")["pid"] == process.pid:
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


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
