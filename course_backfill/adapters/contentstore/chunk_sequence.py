"""The chunks of one file, checked against its document in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from course_backfill.adapters.contentstore.documents import chunk_size_of
from course_backfill.inventory import Fault, SourceObject


class ChunkSequence:
    """Which chunks a file must have, and which of them came; numbers count from 0.

    `found` must have a usable length and chunk size: see `documents.unreadable`.
    """

    def __init__(self, found: SourceObject) -> None:
        self.chunk_size = chunk_size_of(found) or 1
        self.count = -(-found.size // self.chunk_size)
        self.next = 0
        self._last_size = found.size - (self.count - 1) * self.chunk_size

    def size_of(self, number: Any) -> int:
        """How many bytes the chunk of that number must hold."""
        return self._last_size if number == self.count - 1 else self.chunk_size

    def take(self, number: Any, size: int) -> Fault | None:
        """The next chunk, and what is wrong with it or with there being none before it.

        A surplus chunk without bytes is harmless: some drivers wrote one at the end.
        """
        if isinstance(number, bool) or not isinstance(number, int | float) or number < self.next:
            return Fault("surplus-chunk", f"a chunk numbered {str(number)[:40]!a} has no place")
        if number >= self.count:
            return self.end() or (self._surplus(number) if size else None)
        if number != self.next:
            return self._missing()
        expected = self.size_of(self.next)
        if size != expected:
            code = "truncated-chunk" if size < expected else "overlong-chunk"
            return Fault(code, f"chunk {self.next} has {size} bytes instead of {expected}")
        self.next += 1
        return None

    def end(self) -> Fault | None:
        """What is wrong with there being no further chunk."""
        return self._missing() if self.next < self.count else None

    def _missing(self) -> Fault:
        return Fault(
            "missing-chunk", f"chunk {self.next} is missing; {self.count} expected, 0 the first"
        )

    def _surplus(self, number: Any) -> Fault:
        owner = f"{self.count} expected, 0 the first" if self.count else "the file is empty"
        return Fault("surplus-chunk", f"chunk {number} is one too many; {owner}")


def fault_of_numbers(
    found: SourceObject, numbers: Iterable[Any], holds_bytes: Callable[[Any], bool]
) -> Fault | None:
    """What the sorted numbers of a file's chunks show, sizes being taken for right.

    `holds_bytes` is asked for surplus numbers alone, because an empty surplus chunk is harmless.
    """
    sequence = ChunkSequence(found)
    for number in numbers:
        is_surplus = isinstance(number, int | float) and number >= sequence.count
        size = int(holds_bytes(number)) if is_surplus else sequence.size_of(number)
        fault = sequence.take(number, size)
        if fault:
            return fault
    return sequence.end()


def bytes_of(chunk: dict[str, Any]) -> bytes:
    """The bytes of a chunk document; none where it holds no binary data."""
    data = chunk.get("data")
    return data if isinstance(data, bytes) else b""
