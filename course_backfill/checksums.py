"""Checksums of what is copied: of bytes at hand, and of a stream, beside whoever reads it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from course_backfill.crc import Crc64

BEHIND = 2
"""Pieces of a stream that its hashes may lag behind the one who reads it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The checksums (hex) of what was stored, computed from the bytes that were sent.

    `md5` is empty where nobody asked for it.
    """

    sha256: str
    md5: str


def checksums_of(blocks: Iterable[bytes]) -> Stored:
    """The checksums of a stream."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for block in blocks:
        sha256.update(block)
        md5.update(block)
    return Stored(sha256.hexdigest(), md5.hexdigest())


class RunningChecksums:
    """sha256, md5 and CRC64NVME of a stream that is given piece by piece, in its order.

    A digest takes its bytes one after the other, so one core bounds it: sha256 and md5 have a
    thread each, and the reader none of the work. md5 is left out unless `has_md5`: it costs more
    than all the rest. Must be finished or closed.
    """

    def __init__(self, crc64: Crc64, *, has_md5: bool = True) -> None:
        self._crc64 = crc64
        self._crc = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if has_md5 else None
        self._lines = [_Line(self._sha256.update, name="sha256")]
        if self._md5 is not None:
            self._lines.append(_Line(self._md5.update, name="md5"))

    def update(self, content: bytes) -> None:
        """Takes the next piece; waits while the hashes are far behind."""
        for line in self._lines:
            line.take(content)
        self._crc = self._crc64(content, self._crc)

    def finish(self) -> tuple[Stored, int]:
        """The digests and the CRC64NVME of everything taken."""
        self.close()
        md5 = self._md5.hexdigest() if self._md5 is not None else ""
        return Stored(self._sha256.hexdigest(), md5), self._crc

    def close(self) -> None:
        """Waits for what was taken, and ends the threads."""
        for line in self._lines:
            line.close()


class _Line:
    """One thread that takes pieces one after the other."""

    def __init__(self, update: Callable[[bytes], None], *, name: str) -> None:
        self._update = update
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: deque[Future[None]] = deque()

    def take(self, content: bytes) -> None:
        if len(self._waiting) > BEHIND:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._update, content))

    def close(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()
        self._thread.shutdown()
