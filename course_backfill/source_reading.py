"""Reading a live source: document, chunks, document again; only a stable read counts.

Open edX saves a file by deleting it and creating it again under the same id. So whatever is wrong
with the chunks says nothing until the document is known to have stayed the same meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from course_backfill.inventory import Fault, SourceObject
from course_backfill.ports import BadObject, CourseSource
from course_backfill.uploads import PART_BYTES

MAX_READS = 3
"""Reads of an object that keeps changing before it is given up as bad."""

BATCH_BYTES = PART_BYTES
"""Also the size up to which an object is read at once: what is stored whole."""
BATCH_OBJECTS = 100
"""Larger batches read no faster; smaller ones keep reading and storing side by side."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Read:
    """A small object whose document stayed the same while its bytes were read."""

    source: SourceObject
    content: bytes


@dataclass(frozen=True, slots=True)
class Removed:
    """An object that was deleted since the inventory: not an error."""

    source: SourceObject


@dataclass(frozen=True, slots=True)
class Grown:
    """An object that was saved again, and is too large by now to be read at once: stream it."""

    source: SourceObject


@dataclass(frozen=True, slots=True)
class Bad:
    """An object that cannot be copied, though its document stayed the same."""

    source: SourceObject
    fault: Fault


class Sink(Protocol[T_co]):
    """Takes the blocks of one streamed object, then keeps or drops what it made of them."""

    def write(self, block: bytes) -> None:
        """Takes the next block."""
        ...

    def commit(self) -> T_co:
        """The blocks were one stable state of the object; raises BadObject to refuse it still."""
        ...

    def discard(self) -> None:
        """They were not: nothing of them stays."""
        ...

    def leave(self) -> None:
        """The work was interrupted: what was sent may serve another attempt."""
        ...


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A streamed object whose document stayed the same, and what the sink made of it."""

    source: SourceObject
    made: T


def batches(
    objects: Sequence[SourceObject], *, most_bytes: int = BATCH_BYTES
) -> Iterator[list[SourceObject]]:
    """Small objects in groups that fit in memory and in one query; a larger object is alone."""
    batch: list[SourceObject] = []
    size = 0
    for found in objects:
        if batch and (size + found.size > most_bytes or len(batch) == BATCH_OBJECTS):
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += max(found.size, 0)
    if batch:
        yield batch


def read_small(
    source: CourseSource, objects: Sequence[SourceObject]
) -> Iterator[Read | Removed | Bad | Grown]:
    """Each object of a batch once: as read in a stable state, as removed, as bad, or as grown."""
    pending = list(objects)
    for _ in range(MAX_READS):
        readable = [found for found in pending if found.fault is None]
        contents = {read.source.path: read.content for read in source.read_batch(readable)}
        changed = []
        for found, now in zip(pending, source.current(pending), strict=True):
            if now is None:
                yield Removed(found)
            elif not now.same_state(found) and now.size > BATCH_BYTES:
                yield Grown(_as_now(found, now))
            elif not now.same_state(found):
                changed.append(_as_now(found, now))
            elif found.fault is not None:
                yield Bad(found, found.fault)
            else:
                yield _outcome(found, contents.get(found.path))
        pending = changed
        if not pending:
            return
    for found in pending:
        yield Bad(found, _keeps_changing())


def read_large(
    source: CourseSource, found: SourceObject, open_sink: Callable[[SourceObject], Sink[T]]
) -> Kept[T] | Removed | Bad:
    """Streams one object into a sink that is committed only if the document stayed the same."""
    for _ in range(MAX_READS):
        fault = found.fault
        sink = open_sink(found)
        try:
            if fault is None:
                fault = _stream(source, found, sink)
            now = source.current([found])[0]
            if now is not None and now.same_state(found) and fault is None:
                try:
                    return Kept(found, sink.commit())
                except BadObject as refused:
                    fault = refused.fault
        except BaseException:
            sink.leave()
            raise
        sink.discard()
        if now is None:
            return Removed(found)
        if now.same_state(found) and fault is not None:
            return Bad(found, fault)
        found = _as_now(found, now)
    return Bad(found, _keeps_changing())


def _as_now(found: SourceObject, now: SourceObject) -> SourceObject:
    """The present state; another document having the same path is no matter of the state."""
    is_duplicate = found.fault is not None and found.fault.code == "duplicate-path"
    return replace(now, fault=found.fault) if is_duplicate else now


def _stream(source: CourseSource, found: SourceObject, sink: Sink[T]) -> Fault | None:
    try:
        for block in source.stream(found):
            sink.write(block)
    except BadObject as bad:
        return bad.fault
    return None


def _outcome(found: SourceObject, content: bytes | Fault | None) -> Read | Bad:
    match content:
        case bytes():
            return Read(found, content)
        case Fault():
            return Bad(found, content)
        case None:
            return Bad(found, Fault("missing-chunk", "the source gave no bytes for it"))


def _keeps_changing() -> Fault:
    return Fault("keeps-changing", f"the file was saved again during each of {MAX_READS} reads")


def digest_fault(found: SourceObject, md5: str) -> Fault | None:
    """What is wrong where the bytes' md5 is not the digest that the source stored, if it did."""
    declared = found.declared_md5
    if declared is None or declared.lower() == md5:
        return None
    return Fault("digest-mismatch", f"the bytes have md5 {md5}, the document says {declared}")
