"""Throttling, outages, lost answers, conflicts: each has one outcome, and none loses anything."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.errors import ObjectExists, StorageRefused, StorageUnavailable, UploadLost
from tests.contracts.object_stores.buckets import PREFIX, Bucket, complete, content_of, create

KEY = PREFIX + "assets/a.txt"
OUTAGES = [StorageFault.THROTTLED, StorageFault.UNAVAILABLE]

Verb = Callable[[Bucket], object]


def _with_upload(act: Callable[[Bucket, str], object]) -> Verb:
    return lambda bucket: act(bucket, bucket.open_another_upload(KEY))


def _complete(bucket: Bucket, upload: str) -> None:
    part = bucket.writer.put_part(KEY, upload, 1, b"hello")
    complete(bucket, KEY, upload, [part], b"hello")


VERBS: dict[str, Verb] = {
    "stat": lambda bucket: bucket.reader.stat(KEY + "/there"),
    "read": lambda bucket: content_of(bucket, KEY + "/there"),
    "list": lambda bucket: list(bucket.reader.list(PREFIX)),
    "create": lambda bucket: create(bucket, KEY, b"hello"),
    "open_upload": lambda bucket: bucket.writer.open_upload(KEY, content_type="text/plain"),
    "put_part": _with_upload(
        lambda bucket, upload: bucket.writer.put_part(KEY, upload, 1, b"hello")
    ),
    "complete_upload": _with_upload(_complete),
    "abort_upload": _with_upload(lambda bucket, upload: bucket.writer.abort_upload(KEY, upload)),
    "erase": lambda bucket: bucket.eraser.erase(PREFIX),
    "put": lambda bucket: bucket.work.put(KEY, [b"hello"]),
}


@pytest.mark.parametrize("fault", OUTAGES)
@pytest.mark.parametrize("verb", VERBS)
def test_an_outage_is_an_outage_and_passes(bucket: Bucket, verb: str, fault: StorageFault) -> None:
    create(bucket, KEY + "/there", b"there")
    bucket.fail(verb, fault)

    with pytest.raises(StorageUnavailable, match="courses/"):
        VERBS[verb](bucket)

    bucket.heal()
    assert content_of(bucket, KEY + "/there") == b"there"
    assert bucket.reader.stat(KEY) is None
    VERBS[verb](bucket)


@pytest.mark.parametrize("verb", VERBS)
def test_a_refusal_is_not_an_outage(bucket: Bucket, verb: str) -> None:
    create(bucket, KEY + "/there", b"there")
    bucket.fail(verb, StorageFault.REFUSED)

    with pytest.raises(StorageRefused, match="courses/"):
        VERBS[verb](bucket)

    bucket.heal()
    assert content_of(bucket, KEY + "/there") == b"there"
    assert bucket.reader.stat(KEY) is None


def test_a_create_whose_answer_was_lost_has_stored_the_object(bucket: Bucket) -> None:
    bucket.fail("create", StorageFault.LOST_ANSWER)

    with pytest.raises(ObjectExists):
        create(bucket, KEY, b"hello")

    assert content_of(bucket, KEY) == b"hello"
    assert bucket.residue("") == [KEY]


def test_a_create_before_an_outage_is_found_after_it(bucket: Bucket) -> None:
    bucket.fail("create", StorageFault.OUTAGE_AFTER)

    with pytest.raises(StorageUnavailable):
        create(bucket, KEY, b"hello")
    bucket.heal()
    with pytest.raises(ObjectExists):
        create(bucket, KEY, b"hello")

    assert content_of(bucket, KEY) == b"hello"


def test_a_create_that_always_conflicts_is_tried_again_later(bucket: Bucket) -> None:
    bucket.fail("create", StorageFault.CONFLICT)

    with pytest.raises(StorageUnavailable):
        create(bucket, KEY, b"hello")
    bucket.heal()

    assert bucket.reader.stat(KEY) is None
    create(bucket, KEY, b"hello")


def test_a_part_whose_answer_was_lost_is_a_part(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="text/plain")
    bucket.fail("put_part", StorageFault.LOST_ANSWER)

    part = bucket.writer.put_part(KEY, upload, 1, b"hello")

    assert bucket.writer.open_upload(KEY, content_type="text/plain") == (upload, {1: part})


def test_an_upload_that_vanished_is_lost(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="text/plain")
    bucket.fail("put_part", StorageFault.UPLOAD_LOST)

    with pytest.raises(UploadLost):
        bucket.writer.put_part(KEY, upload, 1, b"hello")


def test_a_completion_whose_answer_was_lost_has_made_the_object(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="text/plain")
    part = bucket.writer.put_part(KEY, upload, 1, b"hello")
    bucket.fail("complete_upload", StorageFault.LOST_ANSWER)

    # The next try may be answered as the first one was, or meet what the first one made.
    with suppress(ObjectExists):
        complete(bucket, KEY, upload, [part], b"hello")

    assert content_of(bucket, KEY) == b"hello"
    assert bucket.residue("") == [KEY]


def test_an_error_in_the_body_of_a_success_is_no_success(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="text/plain")
    part = bucket.writer.put_part(KEY, upload, 1, b"hello")
    bucket.fail("complete_upload", StorageFault.ERROR_BODY)

    with pytest.raises(StorageUnavailable):
        complete(bucket, KEY, upload, [part], b"hello")
    bucket.heal()

    assert bucket.reader.stat(KEY) is None
    complete(bucket, KEY, upload, [part], b"hello")
    assert content_of(bucket, KEY) == b"hello"


def test_a_completion_that_conflicts_begins_anew(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="text/plain")
    part = bucket.writer.put_part(KEY, upload, 1, b"hello")
    bucket.fail("complete_upload", StorageFault.CONFLICT)

    with pytest.raises(UploadLost):
        complete(bucket, KEY, upload, [part], b"hello")
    bucket.heal()

    assert bucket.reader.stat(KEY) is None
    assert bucket.residue("") == []
    assert bucket.writer.open_upload(KEY, content_type="text/plain")[1] == {}


def test_a_completion_before_an_outage_is_found_after_it(bucket: Bucket) -> None:
    upload, _ = bucket.writer.open_upload(KEY, content_type="text/plain")
    part = bucket.writer.put_part(KEY, upload, 1, b"hello")
    bucket.fail("complete_upload", StorageFault.OUTAGE_AFTER)

    with pytest.raises(StorageUnavailable):
        complete(bucket, KEY, upload, [part], b"hello")
    bucket.heal()

    assert content_of(bucket, KEY) == b"hello"


def test_an_erasure_that_broke_off_is_finished_by_the_next(bucket: Bucket) -> None:
    create(bucket, KEY, b"hello")
    bucket.open_another_upload(KEY)
    bucket.fail("erase", StorageFault.UNAVAILABLE)

    with pytest.raises(StorageUnavailable):
        bucket.eraser.erase(PREFIX)
    bucket.heal()
    bucket.eraser.erase(PREFIX)

    assert bucket.residue("") == []
