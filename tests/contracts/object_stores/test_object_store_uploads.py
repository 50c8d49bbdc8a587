"""Multipart uploads: continued where they were left, checked by S3, completed over nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from course_backfill.errors import ObjectExists, UploadLost
from tests.contracts.object_stores.buckets import (
    MIB,
    PREFIX,
    Bucket,
    complete,
    content_of,
    crc,
    create,
    upload_all,
)

KEY = PREFIX + "assets/lecture, “1”.mp4"
FIRST, LAST = b"a" * (5 * MIB), b"the end"


def test_an_object_is_the_sum_of_its_parts(bucket: Bucket) -> None:
    upload_all(bucket, KEY, [FIRST, LAST])

    assert content_of(bucket, KEY) == FIRST + LAST
    stat = bucket.reader.stat(KEY)
    assert stat is not None
    assert stat.size == len(FIRST + LAST)
    assert stat.sha256 is None
    assert bucket.residue("") == [KEY]


@pytest.mark.parametrize("content", [LAST, b""], ids=["some bytes", "no bytes"])
def test_one_part_is_enough(bucket: Bucket, content: bytes) -> None:
    upload_all(bucket, KEY, [content])

    assert content_of(bucket, KEY) == content


def test_nothing_shows_before_the_upload_is_complete(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    bucket.writer.put_part(KEY, upload, 1, FIRST)

    assert bucket.reader.stat(KEY) is None
    assert list(bucket.reader.list(PREFIX)) == []


def test_an_upload_is_continued_with_the_parts_it_has(bucket: Bucket) -> None:
    upload, parts = bucket.writer.open_upload(KEY, content_type="video/mp4")
    assert parts == {}
    sent = bucket.writer.put_part(KEY, upload, 2, LAST)

    again, parts = bucket.writer.open_upload(KEY, content_type="video/mp4")

    assert again == upload
    assert parts == {2: sent}
    assert sent.checksum == crc(LAST)
    assert sent.size == len(LAST)


def test_of_several_uploads_of_a_key_the_oldest_is_continued(bucket: Bucket) -> None:
    uploads = [bucket.open_another_upload(KEY) for _ in range(3)]

    assert bucket.writer.open_upload(KEY, content_type="video/mp4")[0] == uploads[0]


@pytest.mark.parametrize("other", [KEY + "x", KEY + "/x", KEY[:-1], PREFIX + "assets/b"])
def test_the_upload_of_another_key_is_not_continued(bucket: Bucket, other: str) -> None:
    others, _ = bucket.writer.open_upload(other, content_type="video/mp4")
    bucket.writer.put_part(other, others, 1, FIRST)

    upload, parts = bucket.writer.open_upload(KEY, content_type="video/mp4")

    assert upload != others
    assert parts == {}


def test_more_parts_than_one_page_lists_are_all_found(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    with ThreadPoolExecutor(8) as threads:
        sent = threads.map(
            lambda number: bucket.writer.put_part(KEY, upload, number, b"%d" % number),
            range(1, 1003),
        )
        expected = {part.number: part for part in sent}

    assert bucket.writer.open_upload(KEY, content_type="video/mp4")[1] == expected


def test_a_part_of_an_earlier_state_is_seen_by_its_checksum_and_sent_again(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    earlier = bucket.writer.put_part(KEY, upload, 1, b"b" * len(FIRST))
    last = bucket.writer.put_part(KEY, upload, 2, LAST)

    there = bucket.writer.open_upload(KEY, content_type="video/mp4")[1]
    assert there[1].checksum == earlier.checksum != crc(FIRST)
    first = bucket.writer.put_part(KEY, upload, 1, FIRST)
    complete(bucket, KEY, upload, [first, last], FIRST + LAST)

    assert content_of(bucket, KEY) == FIRST + LAST


def test_parts_of_two_states_never_become_an_object(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    earlier = bucket.writer.put_part(KEY, upload, 1, b"b" * len(FIRST))
    last = bucket.writer.put_part(KEY, upload, 2, LAST)

    with pytest.raises(UploadLost, match="lecture"):
        complete(bucket, KEY, upload, [earlier, last], FIRST + LAST)

    assert bucket.residue("") == []


def test_a_part_that_was_replaced_meanwhile_never_becomes_part_of_an_object(
    bucket: Bucket,
) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    mine = bucket.writer.put_part(KEY, upload, 1, FIRST)
    bucket.writer.put_part(KEY, upload, 1, b"b" * len(FIRST))

    with pytest.raises(UploadLost):
        complete(bucket, KEY, upload, [mine], FIRST)

    assert bucket.residue("") == []


def test_parts_that_do_not_add_up_never_become_an_object(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    part = bucket.writer.put_part(KEY, upload, 1, FIRST)

    with pytest.raises(UploadLost):
        bucket.writer.complete_upload(KEY, upload, [part], checksum=crc(FIRST), size=len(FIRST) + 1)

    assert bucket.residue("") == []


def test_a_part_that_s3_does_not_have_loses_the_upload(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    part = bucket.writer.put_part(KEY, upload, 1, FIRST)

    with pytest.raises(UploadLost):
        complete(bucket, KEY, upload, [part, replace(part, number=2)], FIRST + FIRST)


def test_completing_never_replaces_an_object(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    part = bucket.writer.put_part(KEY, upload, 1, FIRST)
    create(bucket, KEY, b"first")

    with pytest.raises(ObjectExists, match="lecture"):
        complete(bucket, KEY, upload, [part], FIRST)

    assert content_of(bucket, KEY) == b"first"
    assert bucket.residue("") == [KEY]


def test_completing_twice_leaves_the_object_of_the_first_time(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    part = bucket.writer.put_part(KEY, upload, 1, FIRST)
    complete(bucket, KEY, upload, [part], FIRST)

    # For a while S3 answers a repeat of the same completion as it answered the first.
    with suppress(ObjectExists):
        complete(bucket, KEY, upload, [part], FIRST)

    assert content_of(bucket, KEY) == FIRST
    assert bucket.residue("") == [KEY]


def test_an_aborted_upload_is_lost_to_those_who_still_use_it(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="video/mp4")
    part = bucket.writer.put_part(KEY, upload, 1, FIRST)
    bucket.writer.abort_upload(KEY, upload)

    with pytest.raises(UploadLost):
        bucket.writer.put_part(KEY, upload, 2, LAST)
    with pytest.raises(UploadLost):
        complete(bucket, KEY, upload, [part], FIRST)
    bucket.writer.abort_upload(KEY, upload)

    assert bucket.residue("") == []
    assert bucket.writer.open_upload(KEY, content_type="video/mp4")[0] != upload


def test_of_many_uploads_to_one_key_one_wins_and_none_stays(bucket: Bucket) -> None:
    def attempt(number: int) -> bytes | None:
        content = bytes([number]) * 1000
        upload = bucket.open_another_upload(KEY)
        part = bucket.writer.put_part(KEY, upload, 1, content)
        try:
            complete(bucket, KEY, upload, [part], content)
        except ObjectExists:
            return None
        return content

    with ThreadPoolExecutor(8) as threads:
        winners = [one for one in threads.map(attempt, range(8)) if one is not None]

    assert len(winners) == 1
    assert content_of(bucket, KEY) == winners[0]
    assert bucket.residue("") == [KEY]
