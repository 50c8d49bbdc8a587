"""Uploads: what is shown is whole and of one state, and nothing is sent or replaced in vain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill import uploads
from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.checksums import Stored, checksums_of
from course_backfill.errors import Fenced, StorageUnavailable, UploadLost
from course_backfill.inventory import Fault
from course_backfill.ports import BadObject, Part
from course_backfill.uploads import (
    MAX_PARTS,
    MIB,
    PARTS_IN_FLIGHT,
    ObjectDiffers,
    part_size,
    require_equal,
    store_small,
)
from tests.domain.upload_bench import CONTENT, KEY, Bench

PART = 4


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def bench(executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(uploads, "MIB", 1)
    monkeypatch.setattr(uploads, "PART_BYTES", PART)
    return Bench(executor)


@given(st.integers(1, 50 * 1024 * MIB * 100))
def test_parts_are_whole_mebibytes_and_few_enough(size: int) -> None:
    found = part_size(size)
    assert found % MIB == 0
    assert found >= 8 * MIB
    assert -(-size // found) <= MAX_PARTS
    assert found == 8 * MIB or -(-size // (found - MIB)) > MAX_PARTS


@given(content=st.binary(min_size=1, max_size=40), data=st.data())
def test_whatever_the_blocks_the_object_is_the_content(content: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    bounds = list(zip([0, *cuts], [*cuts, len(content)], strict=True))
    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(2) as threads:
        patched.setattr(uploads, "MIB", 1)
        patched.setattr(uploads, "PART_BYTES", PART)
        bench = Bench(threads)
        stored = bench.send(content, blocks=[content[start:end] for start, end in bounds])
    assert bench.shown() == content
    assert stored == checksums_of([content])
    assert sorted(bench.writer.put) == list(range(1, -(-len(content) // PART) + 1))
    assert bench.bucket.uploads == {}


def test_nothing_is_shown_before_the_commit(bench: Bench) -> None:
    upload = bench.open()
    upload.write(CONTENT)
    assert bench.shown() is None
    upload.commit()
    assert bench.shown() == CONTENT


def test_a_discarded_upload_leaves_nothing(bench: Bench) -> None:
    upload = bench.open()
    upload.write(CONTENT)
    upload.discard()
    assert (bench.shown(), bench.bucket.uploads) == (None, {})


def test_only_the_missing_parts_are_sent_again(bench: Bench) -> None:
    bench.interrupted(after=8)
    bench.send()
    assert (bench.writer.put, bench.shown()) == ([3], CONTENT)


def test_a_part_of_an_earlier_state_is_sent_again(bench: Bench) -> None:
    bench.interrupted(b"AAAABBBBCC", after=10)
    changed = b"AAAAbbbbCC"
    bench.send(changed)
    assert (bench.writer.put, bench.shown()) == ([2, 3], changed)


def test_parts_beyond_a_shorter_state_are_no_part_of_it(bench: Bench) -> None:
    bench.interrupted(b"AAAABBBBCCCCDDDD", after=16)
    bench.send(b"AAAABBBB")
    assert (bench.writer.put, bench.shown()) == ([], b"AAAABBBB")


def test_a_part_whose_checksum_is_not_known_is_sent_again(bench: Bench) -> None:
    bench.interrupted(after=8)
    [stored] = bench.bucket.uploads.values()
    part, content = stored.parts[1]
    stored.parts[1] = (Part(1, part.size, part.etag, ""), content)
    bench.send()
    assert (sorted(bench.writer.put), bench.shown()) == ([1, 3], CONTENT)


@pytest.mark.parametrize("has_checksum", [True, False])
def test_an_equal_object_that_is_there_already_is_no_error(
    bench: Bench, has_checksum: bool
) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    bench.bucket.store(KEY, CONTENT, sha256=digest if has_checksum else None)
    assert bench.send() == checksums_of([CONTENT])
    assert bench.bucket.uploads == {}


@pytest.mark.parametrize("other", [b"others....", b"longer than the content"])
@pytest.mark.parametrize("has_checksum", [True, False])
def test_another_object_is_refused_and_stays(
    bench: Bench, other: bytes, has_checksum: bool
) -> None:
    digest = hashlib.sha256(other).hexdigest()
    bench.bucket.store(KEY, other, sha256=digest if has_checksum else None)
    with pytest.raises(ObjectDiffers):
        bench.send()
    assert (bench.shown(), bench.bucket.uploads) == (other, {})


def test_a_stored_checksum_decides_without_reading(bench: Bench) -> None:
    bench.bucket.store(KEY, CONTENT, sha256=hashlib.sha256(CONTENT).hexdigest())
    bench.bucket.fail("read", StorageFault.REFUSED)
    digest = hashlib.sha256(CONTENT).hexdigest()
    require_equal(bench.reader, KEY, size=len(CONTENT), sha256=digest)


def test_an_object_that_is_gone_again_is_tried_for_later(bench: Bench) -> None:
    with pytest.raises(StorageUnavailable):
        require_equal(bench.reader, KEY, size=1, sha256="0")


def test_a_lost_answer_to_the_commit_is_no_conflict(bench: Bench) -> None:
    bench.bucket.fail("complete_upload", StorageFault.LOST_ANSWER)
    assert bench.send() == checksums_of([CONTENT])
    assert bench.shown() == CONTENT


@pytest.mark.parametrize("verb", ["put_part", "complete_upload"])
@pytest.mark.parametrize("fault", [StorageFault.UPLOAD_LOST, StorageFault.CONFLICT])
def test_a_lost_upload_is_for_the_caller_to_begin_again(
    bench: Bench, verb: str, fault: StorageFault
) -> None:
    bench.bucket.fail(verb, fault)
    with pytest.raises(UploadLost):
        bench.send()
    assert bench.shown() is None
    bench.send()
    assert (bench.shown(), bench.bucket.uploads) == (CONTENT, {})


def test_an_outage_leaves_the_upload_for_another_attempt(bench: Bench) -> None:
    bench.bucket.fail("complete_upload", StorageFault.THROTTLED)
    with pytest.raises(StorageUnavailable):
        bench.send()
    bench.writer.put.clear()
    bench.send()
    assert (bench.writer.put, bench.shown()) == ([], CONTENT)


@pytest.mark.parametrize("checks", range(4))
def test_a_fenced_worker_shows_nothing(bench: Bench, checks: int) -> None:
    """However many parts it sent before it was fenced, and also just before the commit."""
    left = iter(range(checks))

    def check() -> None:
        if next(left, None) is None:
            raise Fenced("taken over")

    bench.check = check
    with pytest.raises(Fenced):
        bench.send()
    assert bench.shown() is None
    assert len(bench.writer.put) <= checks


def test_a_whole_that_is_refused_is_not_shown(bench: Bench) -> None:
    def refuse(stored: Stored) -> None:
        assert stored == checksums_of([CONTENT])
        raise BadObject(Fault("digest-mismatch", "another md5"))

    bench.approve = refuse
    with pytest.raises(BadObject):
        bench.send()
    assert bench.shown() is None


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 3 * PART * PARTS_IN_FLIGHT])
def test_a_file_is_stored_whatever_its_size_and_again_without_error(
    bench: Bench, size: int
) -> None:
    content = bytes(size)
    assert bench.store(content) == bench.store(content) == checksums_of([content])
    assert (bench.shown(), bench.bucket.uploads) == (content, {})


@pytest.mark.parametrize("size", [1, 3 * PART])
def test_a_file_replaces_no_other(bench: Bench, size: int) -> None:
    bench.store(b"a" * size)
    with pytest.raises(ObjectDiffers):
        bench.store(b"b" * size)
    assert bench.shown() == b"a" * size


def test_a_fenced_worker_stores_no_small_file(bench: Bench) -> None:
    def check() -> None:
        raise Fenced("taken over")

    bench.check = check
    with pytest.raises(Fenced):
        bench.store(b"a")
    assert bench.shown() is None


def test_a_small_object_whose_answer_was_lost_is_there(bench: Bench) -> None:
    bench.bucket.fail("create", StorageFault.LOST_ANSWER)
    stored = store_small(
        b"a", reader=bench.reader, writer=bench.writer, key=KEY, content_type="text/plain"
    )
    assert (bench.shown(), stored) == (b"a", checksums_of([b"a"]))
