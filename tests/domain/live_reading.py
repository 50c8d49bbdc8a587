"""One live source in memory, every way of reading from it, and edits in the middle."""

from __future__ import annotations

from collections.abc import Callable

from course_backfill.adapters.memory_source import MemorySource
from course_backfill.inventory import Fault, SourceObject
from course_backfill.ports import BadObject
from course_backfill.source_reading import (
    Bad,
    Grown,
    Kept,
    Read,
    Removed,
    read_large,
    read_small,
)
from tests.generators import COURSE

CHUNK = 4


class KeepingSink:
    """Keeps the blocks, and what became of them."""

    def __init__(self, refuse: Fault | None = None) -> None:
        self.blocks: list[bytes] = []
        self.ends: list[str] = []
        self._refuse = refuse

    def write(self, block: bytes) -> None:
        """Takes the next block."""
        self.blocks.append(block)

    def commit(self) -> bytes:
        """The whole."""
        self.ends.append("commit")
        if self._refuse:
            raise BadObject(self._refuse)
        return b"".join(self.blocks)

    def discard(self) -> None:
        """Nothing stays."""
        self.ends.append("discard")

    def leave(self) -> None:
        """Something may stay."""
        self.ends.append("leave")


class Reading:
    """One source, and every way of reading from it."""

    def __init__(self) -> None:
        self.source = MemorySource()
        self.content = self.source.content
        self.sinks: list[KeepingSink] = []
        self.refuse: Fault | None = None

    def save(self, name: str, content: bytes) -> SourceObject:
        """Saves a file, as Studio does, and describes it."""
        self.content.save(COURSE, name, content, chunk_bytes=CHUNK)
        return self.find(name)

    def find(self, name: str) -> SourceObject:
        """The file as its document stands."""
        inventory = self.source.inventory(COURSE, check_chunks=False)
        [found] = [one for one in inventory if one.name == name]
        return found

    def during(self, verb: str, *edits: Callable[[], object]) -> None:
        """Makes the next edit whenever the source is asked that."""
        left = list(edits)

        def edit(asked: str) -> None:
            if asked == verb and left:
                left.pop(0)()

        self.source.on_call = edit

    def small(self, *objects: SourceObject) -> dict[str, Read | Removed | Bad | Grown]:
        """What reading them in one batch gives, by path."""
        outcomes = list(read_small(self.source, objects))
        assert len(outcomes) == len(objects)
        return {outcome.source.path: outcome for outcome in outcomes}

    def large(self, found: SourceObject) -> Kept[bytes] | Removed | Bad:
        """What streaming it gives."""

        def open_sink(_: SourceObject) -> KeepingSink:
            self.sinks.append(KeepingSink(self.refuse))
            return self.sinks[-1]

        return read_large(self.source, found, open_sink)

    def either(self, size: str, found: SourceObject) -> tuple[str, SourceObject, object]:
        """(outcome, source, bytes or fault code) of either way of reading."""
        outcome = self.small(found)[found.path] if size == "small" else self.large(found)
        match outcome:
            case Read(source, content) | Kept(source, content):
                return "read", source, content
            case Removed(source):
                return "removed", source, None
            case Bad(source, fault):
                return "bad", source, fault.code
            case Grown(source):
                return "grown", source, None
