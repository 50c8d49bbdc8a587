"""Repairs of large objects on S3 alone: whatever fails, no upload stays."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.errors import StorageRefused, StorageUnavailable
from tests.contracts.object_stores.buckets import content_of, create
from tests.contracts.object_stores.locations import KEY, S3Locations, stat

LARGE = bytes(range(256)) * 4096 * 11


@pytest.fixture
def locations(locations_on_the_line: S3Locations) -> S3Locations:
    return locations_on_the_line


def replace_large(locations: S3Locations) -> None:
    locations.repairer(whole=0).replace(
        KEY,
        [LARGE],
        etag=stat(locations.source, KEY).etag or "",
        size=len(LARGE),
        content_type="text/plain",
    )


@pytest.mark.parametrize("verb", ["put_part", "complete_upload"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (StorageFault.THROTTLED, StorageUnavailable),
        (StorageFault.UNAVAILABLE, StorageUnavailable),
        (StorageFault.UPLOAD_LOST, StorageUnavailable),
        (StorageFault.REFUSED, StorageRefused),
    ],
)
def test_a_large_repair_that_s3_does_not_make_leaves_no_upload(
    locations: S3Locations, verb: str, fault: StorageFault, error: type[Exception]
) -> None:
    create(locations.source, KEY, b"damaged")
    locations.source.fail(verb, fault)

    with pytest.raises(error, match=r"a\.txt"):
        replace_large(locations)
    locations.source.heal()

    assert content_of(locations.source, KEY) == b"damaged"
    assert locations.source.residue("") == [KEY]


def test_a_large_repair_whose_answer_was_lost_is_done(locations: S3Locations) -> None:
    create(locations.source, KEY, b"damaged")
    locations.source.fail("complete_upload", StorageFault.LOST_ANSWER)

    replace_large(locations)

    assert content_of(locations.source, KEY) == LARGE
    assert locations.source.residue("") == [KEY]


def test_a_large_repair_never_continues_an_open_upload(locations: S3Locations) -> None:
    create(locations.source, KEY, b"damaged")
    other, _ = locations.source.writer.open_upload(KEY, content_type="text/plain")

    replace_large(locations)

    assert locations.source.writer.open_upload(KEY, content_type="text/plain") == (other, {})
