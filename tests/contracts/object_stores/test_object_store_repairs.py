"""Repairs: a damaged object is replaced in the state it was found in, and nothing else is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.errors import ObjectChanged, StorageRefused, StorageUnavailable
from tests.contracts.object_stores.buckets import MIB, PREFIX, content_of, crc, create
from tests.contracts.object_stores.locations import Locations, stat

KEY = PREFIX + "assets/a.txt"
GOOD = b"what it should be"
LARGE = bytes(range(256)) * 4096 * 9
"""9 MiB: a part of 8, and one of 1."""

SIZES = pytest.mark.parametrize("good", [GOOD, LARGE], ids=["small", "large"])


def repair(
    locations: Locations, good: bytes, *, etag: str | None = None, storage_class: str = "STANDARD"
) -> None:
    """Replaces the object as it is now, or as the ETag names it."""
    locations.repairer(storage_class).replace(
        KEY,
        blocks(good),
        etag=etag or stat(locations.source, KEY).etag or "",
        size=len(good),
        content_type="text/html",
    )


def blocks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), MIB):
        yield content[start : start + MIB]


@SIZES
def test_a_damaged_object_is_replaced(locations: Locations, good: bytes) -> None:
    create(locations.source, KEY, b"damaged")

    repair(locations, good)

    assert content_of(locations.source, KEY) == good
    assert locations.source.content_type(KEY) == "text/html"
    found = stat(locations.source, KEY)
    assert found.sha256 == (hashlib.sha256(good).hexdigest() if good is GOOD else None)
    assert found.crc64 == (crc(good) if good is LARGE else None)


def test_an_object_without_bytes_is_a_repair_too(locations: Locations) -> None:
    create(locations.source, KEY, b"damaged")

    repair(locations, b"")

    assert stat(locations.source, KEY).size == 0


@SIZES
@pytest.mark.parametrize("storage_class", ["STANDARD", "GLACIER", "DEEP_ARCHIVE"])
def test_what_is_repaired_is_of_the_repairers_class_and_may_be_cold(
    locations: Locations, good: bytes, storage_class: str
) -> None:
    create(locations.source, KEY, b"damaged")
    locations.archive(KEY, "GLACIER")

    repair(locations, good, storage_class=storage_class)

    found = stat(locations.source, KEY)
    assert (found.storage_class, found.size) == (storage_class, len(good))


@SIZES
def test_an_object_in_another_state_is_left_as_it_is(locations: Locations, good: bytes) -> None:
    create(locations.source, KEY, b"damaged")
    was = stat(locations.source, KEY).etag
    locations.source.overwrite(KEY, b"somebody was here")

    with pytest.raises(ObjectChanged, match=r"a\.txt"):
        repair(locations, good, etag=was)

    assert content_of(locations.source, KEY) == b"somebody was here"


@SIZES
def test_an_object_that_is_gone_stays_gone(locations: Locations, good: bytes) -> None:
    create(locations.source, KEY, b"damaged")
    was = stat(locations.source, KEY).etag
    locations.source.mark_deleted(KEY)

    with pytest.raises(ObjectChanged, match=r"a\.txt"):
        repair(locations, good, etag=was)

    assert locations.source.reader.stat(KEY) is None


@SIZES
def test_a_repair_can_be_repeated(locations: Locations, good: bytes) -> None:
    create(locations.source, KEY, b"damaged")
    was = stat(locations.source, KEY).etag
    repair(locations, good, etag=was)

    repair(locations, good, etag=was)

    assert content_of(locations.source, KEY) == good


@SIZES
@pytest.mark.parametrize("change", [b"", b"more"], ids=["fewer", "more"])
def test_blocks_that_add_up_to_another_size_replace_nothing(
    locations: Locations, good: bytes, change: bytes
) -> None:
    create(locations.source, KEY, b"damaged")
    other = good + change if change else good[:-1]

    with pytest.raises(ValueError, match=r"a\.txt"):
        locations.repairer().replace(
            KEY,
            blocks(other),
            etag=stat(locations.source, KEY).etag or "",
            size=len(good),
            content_type="text/html",
        )

    assert content_of(locations.source, KEY) == b"damaged"
    assert locations.source.residue("") == [KEY]


@SIZES
def test_what_is_raised_inside_the_blocks_comes_through_and_replaces_nothing(
    locations: Locations, good: bytes
) -> None:
    create(locations.source, KEY, b"damaged")

    def failing() -> Iterator[bytes]:
        yield good[: 8 * MIB + 1]
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="the source is gone"):
        locations.repairer().replace(
            KEY,
            failing(),
            etag=stat(locations.source, KEY).etag or "",
            size=len(good),
            content_type="text/html",
        )

    assert content_of(locations.source, KEY) == b"damaged"
    assert locations.source.residue("") == [KEY]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (StorageFault.THROTTLED, StorageUnavailable),
        (StorageFault.UNAVAILABLE, StorageUnavailable),
        (StorageFault.CONFLICT, StorageUnavailable),
        (StorageFault.REFUSED, StorageRefused),
    ],
)
def test_a_repair_that_s3_does_not_make_changes_nothing(
    locations: Locations, fault: StorageFault, error: type[Exception]
) -> None:
    create(locations.source, KEY, b"damaged")
    locations.source.fail("replace", fault)

    with pytest.raises(error, match=r"a\.txt"):
        repair(locations, GOOD)
    locations.source.heal()

    assert content_of(locations.source, KEY) == b"damaged"
    repair(locations, GOOD)
    assert content_of(locations.source, KEY) == GOOD


def test_a_repair_whose_answer_was_lost_is_done(locations: Locations) -> None:
    create(locations.source, KEY, b"damaged")
    locations.source.fail("replace", StorageFault.LOST_ANSWER)

    repair(locations, GOOD)

    assert content_of(locations.source, KEY) == GOOD


def test_a_repair_before_an_outage_is_found_after_it(locations: Locations) -> None:
    create(locations.source, KEY, b"damaged")
    was = stat(locations.source, KEY).etag
    locations.source.fail("replace", StorageFault.OUTAGE_AFTER)

    with pytest.raises(StorageUnavailable):
        repair(locations, GOOD)
    locations.source.heal()
    repair(locations, GOOD, etag=was)

    assert content_of(locations.source, KEY) == GOOD
