"""Storage classes: what is written is of the class asked for, and what is cold is not read."""

from __future__ import annotations

import pytest

from course_backfill.cold.storage import Tier
from course_backfill.errors import ObjectCold
from tests.contracts.object_stores.buckets import PREFIX, content_of, crc, create
from tests.contracts.object_stores.locations import (
    COLD,
    KEY,
    Locations,
    is_readable,
    listed,
    stat,
    store_cold,
    upload_small,
)


@pytest.mark.parametrize(
    ("storage_class", "archive"),
    [
        ("STANDARD", None),
        ("STANDARD_IA", None),
        ("ONEZONE_IA", None),
        ("INTELLIGENT_TIERING", None),
        ("GLACIER_IR", None),
        ("GLACIER", "GLACIER"),
        ("DEEP_ARCHIVE", "DEEP_ARCHIVE"),
    ],
)
@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
def test_what_is_written_is_of_the_writers_class(
    locations: Locations, storage_class: str, archive: str | None, is_large: bool
) -> None:
    if is_large:
        upload_small(locations, storage_class)
    else:
        writer = locations.writer(storage_class)
        sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        writer.create(KEY, b"hello", sha256=sha256, content_type="text/plain")

    for found in (stat(locations.source, KEY), listed(locations.source, KEY)):
        assert (found.storage_class, found.archive) == (storage_class, archive)
        assert found.restore is None
    assert (stat(locations.source, KEY).crc64 is not None) == is_large
    assert (stat(locations.source, KEY).sha256 is not None) != is_large
    assert is_readable(locations) == (archive is None)


def test_an_open_upload_of_another_class_is_not_continued(locations: Locations) -> None:
    first, _ = locations.writer("STANDARD").open_upload(KEY, content_type="text/plain")
    locations.writer("STANDARD").put_part(KEY, first, 1, b"hello")

    upload, parts = locations.writer("DEEP_ARCHIVE").open_upload(KEY, content_type="text/plain")

    assert upload != first
    assert parts == {}
    again, parts = locations.writer("STANDARD").open_upload(KEY, content_type="text/plain")
    assert (again, list(parts)) == (first, [1])


@pytest.mark.parametrize(("kind", "archive", "days"), COLD)
def test_what_is_cold_says_so_and_is_not_read(
    locations: Locations, kind: str, archive: str, days: int | None
) -> None:
    store_cold(locations, kind)

    found = stat(locations.source, KEY)
    assert (found.archive, found.restore) == (archive, None)
    assert found.crc64 == crc(b"hello")
    with pytest.raises(ObjectCold, match=r"a\.txt"):
        content_of(locations.source, KEY)
    with pytest.raises(ObjectCold):
        content_of(locations.source, KEY, start=1, end=3)


def test_a_listing_tells_what_can_be_read(locations: Locations) -> None:
    for name, kind in [("cold", "GLACIER"), ("restored", "GLACIER"), ("warm", "")]:
        create(locations.source, PREFIX + name, b"hello")
        if kind:
            locations.archive(PREFIX + name, kind)
    locations.restorer.restore(PREFIX + "restored", days=3, tier=Tier.STANDARD)
    locations.finish_restores()
    reference = stat(locations.source, PREFIX + "restored").restore
    assert reference is not None

    states = {
        found.key.removeprefix(PREFIX): (found.archive, found.restore)
        for found in locations.source.reader.list(PREFIX)
    }

    assert states == {
        "cold": ("GLACIER", None),
        "restored": ("GLACIER", reference),
        "warm": (None, None),
    }
