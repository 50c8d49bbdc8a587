"""The work bucket: files of any length out of blocks of any length, replaced as a whole."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from course_backfill.errors import NotFound
from tests.contracts.object_stores.buckets import MIB, Bucket

KEY = "ingests/1/inventory.jsonl"


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [b""],
        [b"one"],
        [b"one", b"", b"two"],
        [b"x" * 8 * MIB],
        [b"x" * 8 * MIB, b"y"],
        [b"x" * (20 * MIB + 1)],
        [b"line\n" * 1000] * 2000,
    ],
    ids=["none", "empty", "one", "few", "a part", "a part and one", "one long", "many"],
)
def test_a_file_is_all_its_blocks(bucket: Bucket, blocks: list[bytes]) -> None:
    bucket.work.put(KEY, iter(blocks))

    assert b"".join(bucket.work.read(KEY)) == b"".join(blocks)


def test_a_file_written_again_is_replaced(bucket: Bucket) -> None:
    bucket.work.put(KEY, [b"x" * 9 * MIB])
    bucket.work.put(KEY, [b"second"])
    assert b"".join(bucket.work.read(KEY)) == b"second"

    bucket.work.put(KEY, [b"y" * 9 * MIB])
    assert b"".join(bucket.work.read(KEY, start=9 * MIB - 3)) == b"yyy"


def test_a_file_that_is_not_there_is_said_to_be_missing(bucket: Bucket) -> None:
    with pytest.raises(NotFound, match="inventory"):
        next(bucket.work.read(KEY))


@pytest.mark.parametrize("whole_parts", [0, 2])
def test_content_that_breaks_off_leaves_the_file_as_it_was(
    bucket: Bucket, whole_parts: int
) -> None:
    bucket.work.put(KEY, [b"first"])

    def broken() -> Iterator[bytes]:
        yield from [b"x" * 9 * MIB] * whole_parts
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError, match="went away"):
        bucket.work.put(KEY, broken())

    assert b"".join(bucket.work.read(KEY)) == b"first"
    assert bucket.residue("") == [KEY]


def test_memory_does_not_grow_with_the_file(s3_bucket: Bucket) -> None:
    block = b"x" * MIB

    tracemalloc.start()
    s3_bucket.work.put(KEY, (block for _ in range(80)))
    size = sum(len(read) for read in s3_bucket.work.read(KEY))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size == 80 * MIB
    assert peak < 60 * MIB
