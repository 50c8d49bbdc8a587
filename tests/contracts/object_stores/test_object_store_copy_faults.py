"""Copies inside S3 that fail: each failure has one outcome, and leaves nothing half done."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.errors import ObjectExists, StorageRefused, StorageUnavailable
from tests.contracts.object_stores.buckets import content_of, create
from tests.contracts.object_stores.locations import COPY, KEY, Locations, copy


@pytest.mark.parametrize(
    "fault",
    [
        StorageFault.THROTTLED,
        StorageFault.UNAVAILABLE,
        StorageFault.ERROR_BODY,
        StorageFault.CONFLICT,
    ],
)
def test_a_copy_that_s3_does_not_make_is_an_outage(
    locations: Locations, fault: StorageFault
) -> None:
    create(locations.source, KEY, b"hello")
    locations.target.fail("copy", fault)

    with pytest.raises(StorageUnavailable, match=r"a\.txt"):
        copy(locations)
    locations.target.heal()

    assert locations.target.reader.stat(COPY) is None
    copy(locations)
    assert content_of(locations.target, COPY) == b"hello"


def test_a_copy_that_is_not_allowed_is_refused(locations: Locations) -> None:
    create(locations.source, KEY, b"hello")
    locations.target.fail("copy", StorageFault.REFUSED)

    with pytest.raises(StorageRefused, match=r"a\.txt"):
        copy(locations)
    locations.target.heal()

    assert locations.target.residue("") == []


def test_a_copy_whose_answer_was_lost_is_there(locations: Locations) -> None:
    create(locations.source, KEY, b"hello")
    locations.target.fail("copy", StorageFault.LOST_ANSWER)

    with pytest.raises(ObjectExists):
        copy(locations)

    assert content_of(locations.target, COPY) == b"hello"


def test_a_copy_before_an_outage_is_found_after_it(locations: Locations) -> None:
    create(locations.source, KEY, b"hello")
    locations.target.fail("copy", StorageFault.OUTAGE_AFTER)

    with pytest.raises(StorageUnavailable):
        copy(locations)
    locations.target.heal()
    with pytest.raises(ObjectExists):
        copy(locations)

    assert content_of(locations.target, COPY) == b"hello"
