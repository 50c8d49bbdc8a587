"""What every course source does with bytes, and with chunks that do not fit: on each of them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from course_backfill.adapters.contentstore.ids import RawId
from course_backfill.courses import CourseId
from course_backfill.inventory import Fault, SourceObject
from course_backfill.ports import BadObject, CourseSource
from tests.contracts.source_fixtures import Content, Store

SPLIT = CourseId.parse("course-v1:Org+Course+Run")
OLD = CourseId.parse("Org/Course/2013")
BOTH = pytest.mark.parametrize("course", [SPLIT, OLD], ids=["split", "old"])

CHUNK = 1_000
CONTENT = random.Random(7).randbytes(2_500)  # noqa: S311  # Three chunks of test data.


def damaged(
    store: Store, damage: Callable[[Content, RawId], None], content: bytes = CONTENT
) -> SourceObject:
    """A file after the damage, described as planning would without looking at its chunks."""
    raw_id = store.content.save(SPLIT, "a.bin", content, chunk_bytes=CHUNK)
    damage(store.content, raw_id)
    [found] = store.source.inventory(SPLIT, check_chunks=False)
    return found


def fault_at_planning(source: CourseSource) -> Fault | None:
    [found] = source.inventory(SPLIT, check_chunks=True)
    return found.fault


def fault_of_batch(source: CourseSource, found: SourceObject) -> Fault | None:
    [read] = source.read_batch([found])
    return read.content if isinstance(read.content, Fault) else None


def fault_of_stream(source: CourseSource, found: SourceObject) -> Fault | None:
    try:
        assert b"".join(source.stream(found)) == CONTENT[: found.size]
    except BadObject as bad:
        return bad.fault
    return None


# --- whole files --------------------------------------------------------------------------------


@BOTH
def test_a_batch_gives_each_object_once_whatever_its_size(store: Store, course: CourseId) -> None:
    generator = random.Random(1)  # noqa: S311  # Test data.
    sizes = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 10 * CHUNK + 5]
    contents = {f"assets/{size}.bin": generator.randbytes(size) for size in sizes}
    for path, content in contents.items():
        store.content.save(course, path.removeprefix("assets/"), content, chunk_bytes=CHUNK)
    found = [
        SourceObject.from_line(one.to_line())
        for one in store.source.inventory(course, check_chunks=True)
    ]

    reads = list(store.source.read_batch(found))
    assert len(reads) == len(sizes)
    assert {read.source.path: read.content for read in reads} == contents
    assert {one.path: b"".join(store.source.stream(one)) for one in found} == contents
    assert list(store.source.read_batch([])) == []


def test_a_batch_may_be_larger_than_one_query(store: Store) -> None:
    for number in range(1_003):
        store.content.save(SPLIT, f"{number}.txt", str(number).encode())
    found = list(store.source.inventory(SPLIT, check_chunks=True))

    reads = {read.source.name: read.content for read in store.source.read_batch(found)}
    assert reads == {f"{number}.txt": str(number).encode() for number in range(1_003)}
    assert store.source.current(found) == found


def test_a_stream_gives_the_chunks_as_blocks(store: Store) -> None:
    store.content.save(SPLIT, "a.bin", CONTENT, chunk_bytes=CHUNK)
    [found] = store.source.inventory(SPLIT, check_chunks=True)

    assert [len(block) for block in store.source.stream(found)] == [CHUNK, CHUNK, 500]


# --- chunks that do not fit ---------------------------------------------------------------------


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_missing_chunk_is_named_by_planning_and_by_reading(store: Store, lost: int) -> None:
    found = damaged(store, lambda content, raw_id: content.drop_chunk(raw_id, lost))

    expected = Fault("missing-chunk", f"chunk {lost} is missing; 3 expected, 0 the first")
    assert fault_at_planning(store.source) == expected
    assert fault_of_batch(store.source, found) == expected
    assert fault_of_stream(store.source, found) == expected


def test_a_document_without_any_chunk_misses_the_first(store: Store) -> None:
    def lose_all(content: Content, raw_id: RawId) -> None:
        for number in range(3):
            content.drop_chunk(raw_id, number)

    found = damaged(store, lose_all)

    expected = Fault("missing-chunk", "chunk 0 is missing; 3 expected, 0 the first")
    assert fault_at_planning(store.source) == expected
    assert fault_of_batch(store.source, found) == expected
    assert fault_of_stream(store.source, found) == expected


def test_a_chunk_in_another_s_place_is_no_substitute(store: Store) -> None:
    def renumber(content: Content, raw_id: RawId) -> None:
        content.drop_chunk(raw_id, 1)
        content.set_chunk(raw_id, 3, CONTENT[CHUNK : 2 * CHUNK])

    found = damaged(store, renumber)

    expected = Fault("missing-chunk", "chunk 1 is missing; 3 expected, 0 the first")
    assert fault_at_planning(store.source) == expected
    assert fault_of_batch(store.source, found) == expected
    assert fault_of_stream(store.source, found) == expected


def test_a_surplus_chunk_is_named_by_planning_and_by_reading(store: Store) -> None:
    found = damaged(store, lambda content, raw_id: content.set_chunk(raw_id, 3, b"surplus"))

    expected = Fault("surplus-chunk", "chunk 3 is one too many; 3 expected, 0 the first")
    assert fault_at_planning(store.source) == expected
    assert fault_of_batch(store.source, found) == expected
    assert fault_of_stream(store.source, found) == expected


def test_a_stray_chunk_of_an_empty_file_is_a_surplus(store: Store) -> None:
    def add_stray(content: Content, raw_id: RawId) -> None:
        content.set_chunk(raw_id, 0, b"stray")

    found = damaged(store, add_stray, content=b"")

    expected = Fault("surplus-chunk", "chunk 0 is one too many; the file is empty")
    assert fault_at_planning(store.source) == expected
    assert fault_of_batch(store.source, found) == expected
    assert fault_of_stream(store.source, found) == expected


@pytest.mark.parametrize("content", [b"", CONTENT], ids=["empty", "whole"])
def test_an_empty_chunk_at_the_end_is_harmless(store: Store, content: bytes) -> None:
    number = -(-len(content) // CHUNK)
    found = damaged(store, lambda store, raw_id: store.set_chunk(raw_id, number, b""), content)

    assert fault_at_planning(store.source) is None
    assert fault_of_batch(store.source, found) is None
    assert fault_of_stream(store.source, found) is None


def test_a_negative_chunk_number_has_no_place(store: Store) -> None:
    found = damaged(store, lambda content, raw_id: content.set_chunk(raw_id, -1, b"x"))

    expected = Fault("surplus-chunk", "a chunk numbered '-1' has no place")
    assert fault_at_planning(store.source) == expected
    assert fault_of_batch(store.source, found) == expected


@pytest.mark.parametrize(
    ("number", "size", "expected"),
    [
        (0, 0, Fault("truncated-chunk", "chunk 0 has 0 bytes instead of 1000")),
        (1, 999, Fault("truncated-chunk", "chunk 1 has 999 bytes instead of 1000")),
        (2, 2, Fault("truncated-chunk", "chunk 2 has 2 bytes instead of 500")),
        (1, 1001, Fault("overlong-chunk", "chunk 1 has 1001 bytes instead of 1000")),
        (2, 501, Fault("overlong-chunk", "chunk 2 has 501 bytes instead of 500")),
    ],
)
def test_a_chunk_of_another_length_is_found_by_reading_alone(
    store: Store, number: int, size: int, expected: Fault
) -> None:
    found = damaged(store, lambda content, raw_id: content.set_chunk(raw_id, number, b"x" * size))

    assert fault_at_planning(store.source) is None
    assert fault_of_batch(store.source, found) == expected
    assert fault_of_stream(store.source, found) == expected


def test_flipped_bits_pass_for_digests_alone_can_show_them(store: Store) -> None:
    flipped = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    found = damaged(store, lambda content, raw_id: content.set_chunk(raw_id, 0, flipped[:CHUNK]))

    assert fault_at_planning(store.source) is None
    [read] = store.source.read_batch([found])
    assert read.content == flipped
    assert b"".join(store.source.stream(found)) == flipped


def test_a_bad_object_spoils_no_other_of_its_batch(store: Store) -> None:
    for name in ("a", "b", "c"):
        raw_id = store.content.save(SPLIT, name, CONTENT, chunk_bytes=CHUNK)
        if name == "b":
            store.content.drop_chunk(raw_id, 1)
    found = list(store.source.inventory(SPLIT, check_chunks=False))

    contents = {read.source.name: read.content for read in store.source.read_batch(found)}
    assert contents.keys() == {"a", "b", "c"}
    assert contents["a"] == contents["c"] == CONTENT
    assert isinstance(contents["b"], Fault)


def test_a_file_that_is_gone_misses_its_first_chunk(store: Store) -> None:
    raw_id = store.content.save(SPLIT, "a.bin", CONTENT, chunk_bytes=CHUNK)
    [found] = store.source.inventory(SPLIT, check_chunks=False)
    store.content.delete(raw_id)

    expected = Fault("missing-chunk", "chunk 0 is missing; 3 expected, 0 the first")
    assert fault_of_batch(store.source, found) == expected
    assert fault_of_stream(store.source, found) == expected
    assert store.source.current([found]) == [None]
    assert list(store.source.inventory(SPLIT, check_chunks=True)) == []


def test_a_hostile_length_costs_no_memory(store: Store) -> None:
    found = damaged(store, lambda content, raw_id: content.change(raw_id, length=2**62))

    assert fault_at_planning(store.source) is not None
    assert fault_of_batch(store.source, found) is not None
    assert fault_of_stream(store.source, found) is not None
