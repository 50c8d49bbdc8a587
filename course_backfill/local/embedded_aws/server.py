"""Serves the embedded AWS on a port of this machine: in the foreground, or beside the caller."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn

from course_backfill.local.embedded_aws.application import EmbeddedAws
from course_backfill.local.embedded_aws.blobs import BlobStore
from course_backfill.local.embedded_aws.moto_calls import forget_everything

HOST = "127.0.0.1"
SECONDS_TO_FINISH = 2


class PortInUse(Exception):
    """Another program listens on the wanted port."""


def serve_embedded_aws(
    port: int, data_dir: Path | None = None, ready: Callable[[str], None] = print
) -> None:
    """Serves until SIGINT or SIGTERM; port 0 takes a free one. `ready` gets `Ready: URL` then.

    Objects lie below `data_dir`, or a temporary folder, and are gone afterwards. Raises PortInUse
    or DirectoryInUse.
    """
    with _bound(port) as listener, _store(data_dir) as store:
        _Server(store, lambda: ready(f"Ready: {_address(listener)}")).run(sockets=[listener])


@contextlib.contextmanager
def running_embedded_aws(port: int = 0, data_dir: Path | None = None) -> Iterator[str]:
    """The address of an embedded AWS in a thread of this process; one at a time in a process."""
    with _bound(port) as listener, _store(data_dir) as store:
        started = threading.Event()
        server = _Server(store, started.set)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="embedded-aws", daemon=True
        )
        thread.start()
        try:
            started.wait()
            yield _address(listener)
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    def __init__(self, store: BlobStore, ready: Callable[[], None]) -> None:
        application = EmbeddedAws(store, stopping=lambda: self.should_exit)
        super().__init__(
            uvicorn.Config(
                application,
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=120,
                timeout_graceful_shutdown=SECONDS_TO_FINISH,
            )
        )
        self._ready = ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn's own would end the process by the signal, before the folder is removed.
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


@contextlib.contextmanager
def _bound(port: int) -> Iterator[socket.socket]:
    # asyncio turns off waiting for more to send only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with contextlib.closing(listener):
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise PortInUse(
                f"Port {port} on {HOST} cannot be used ({error.strerror}). "
                "Choose another port, or 0 for a free one."
            ) from error
        yield listener


@contextlib.contextmanager
def _store(data_dir: Path | None) -> Iterator[BlobStore]:
    store = BlobStore(data_dir / "s3-objects" if data_dir else None)
    try:
        yield store
    finally:
        forget_everything()
        store.close()


def _address(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
