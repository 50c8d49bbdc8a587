"""Restores of cold objects: for some days, again and again, faster, and warm for good."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.cold.storage import Restore, Tier
from course_backfill.errors import (
    ExpeditedUnavailable,
    NotFound,
    StorageRefused,
    StorageUnavailable,
)
from tests.contracts.object_stores.buckets import content_of
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


@pytest.mark.parametrize(("kind", "archive", "days"), COLD)
def test_a_restore_is_under_way_and_then_it_is_readable(
    locations: Locations, kind: str, archive: str, days: int | None
) -> None:
    store_cold(locations, kind)

    locations.restorer.restore(KEY, days=days, tier=Tier.STANDARD)
    assert stat(locations.source, KEY).restore == Restore()
    assert listed(locations.source, KEY).restore == Restore()
    assert not is_readable(locations)

    locations.finish_restores()
    assert is_readable(locations)
    found = stat(locations.source, KEY)
    if days is None:
        assert (found.archive, found.restore) == (None, None)
    else:
        assert found.archive == archive
        assert found.restore is not None
        assert found.restore.expires is not None
        assert found.restore == listed(locations.source, KEY).restore


@pytest.mark.parametrize(("kind", "archive", "days"), COLD)
def test_a_restore_that_is_asked_for_again_is_still_under_way(
    locations: Locations, kind: str, archive: str, days: int | None
) -> None:
    store_cold(locations, kind)

    for tier in (Tier.STANDARD, Tier.STANDARD, Tier.BULK):
        locations.restorer.restore(KEY, days=days, tier=tier)
        assert stat(locations.source, KEY).restore == Restore()

    locations.finish_restores()
    assert is_readable(locations)


def test_a_restored_copy_goes_after_its_days(locations: Locations) -> None:
    store_cold(locations)
    locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)
    locations.finish_restores()

    locations.expire()

    assert stat(locations.source, KEY).restore is None
    assert not is_readable(locations)
    locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)
    assert stat(locations.source, KEY).restore == Restore()


def test_the_days_of_a_restored_copy_count_anew(locations: Locations) -> None:
    store_cold(locations)
    locations.restorer.restore(KEY, days=1, tier=Tier.STANDARD)
    locations.finish_restores()
    first = stat(locations.source, KEY).restore

    locations.restorer.restore(KEY, days=20, tier=Tier.STANDARD)

    later = stat(locations.source, KEY).restore
    assert first is not None
    assert first.expires is not None
    assert later is not None
    assert later.expires is not None
    assert (later.expires - first.expires).days >= 18
    assert is_readable(locations)


def test_what_became_warm_for_good_stays_so(locations: Locations) -> None:
    store_cold(locations, "ARCHIVE_ACCESS")
    locations.restorer.restore(KEY, days=None, tier=Tier.STANDARD)
    locations.finish_restores()

    locations.expire()

    assert is_readable(locations)
    locations.restorer.restore(KEY, days=None, tier=Tier.STANDARD)
    assert is_readable(locations)


@pytest.mark.parametrize("storage_class", ["STANDARD", "GLACIER_IR", "INTELLIGENT_TIERING"])
def test_what_is_warm_needs_no_restore(locations: Locations, storage_class: str) -> None:
    upload_small(locations, storage_class)
    days = None if storage_class == "INTELLIGENT_TIERING" else 3

    locations.restorer.restore(KEY, days=days, tier=Tier.STANDARD)

    assert is_readable(locations)
    assert stat(locations.source, KEY).restore is None


def test_more_speed_hurries_a_restore_that_is_under_way(locations: Locations) -> None:
    store_cold(locations)
    locations.restorer.restore(KEY, days=3, tier=Tier.BULK)
    locations.finish_restores(Tier.EXPEDITED)
    assert not is_readable(locations)

    locations.restorer.restore(KEY, days=3, tier=Tier.EXPEDITED)

    assert stat(locations.source, KEY).restore == Restore()
    locations.finish_restores(Tier.EXPEDITED)
    assert is_readable(locations)


def test_less_speed_does_not_slow_a_restore_that_is_under_way(locations: Locations) -> None:
    store_cold(locations)
    locations.restorer.restore(KEY, days=3, tier=Tier.EXPEDITED)

    locations.restorer.restore(KEY, days=3, tier=Tier.BULK)

    locations.finish_restores(Tier.EXPEDITED)
    assert is_readable(locations)


def test_a_tier_that_the_class_does_not_offer_is_refused(locations: Locations) -> None:
    store_cold(locations, "DEEP_ARCHIVE")

    with pytest.raises(StorageRefused, match=r"a\.txt|DEEP_ARCHIVE"):
        locations.restorer.restore(KEY, days=3, tier=Tier.EXPEDITED)

    assert stat(locations.source, KEY).restore is None


def test_without_capacity_for_expedited_restores_a_slower_one_is_taken(
    locations: Locations,
) -> None:
    store_cold(locations)
    locations.source.fail("restore", StorageFault.NO_CAPACITY)

    with pytest.raises(ExpeditedUnavailable):
        locations.restorer.restore(KEY, days=3, tier=Tier.EXPEDITED)
    locations.source.heal()

    assert stat(locations.source, KEY).restore is None
    locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)
    assert stat(locations.source, KEY).restore == Restore()


def test_what_is_not_there_cannot_be_restored(locations: Locations) -> None:
    with pytest.raises(NotFound, match=r"a\.txt"):
        locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)


@pytest.mark.parametrize("fault", [StorageFault.THROTTLED, StorageFault.UNAVAILABLE])
def test_a_restore_that_s3_does_not_take_is_an_outage(
    locations: Locations, fault: StorageFault
) -> None:
    store_cold(locations)
    locations.source.fail("restore", fault)

    with pytest.raises(StorageUnavailable, match=r"a\.txt"):
        locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)
    locations.source.heal()

    assert stat(locations.source, KEY).restore is None


def test_a_restore_that_is_not_allowed_is_a_refusal(locations: Locations) -> None:
    store_cold(locations)
    locations.source.fail("restore", StorageFault.REFUSED)

    with pytest.raises(StorageRefused, match=r"a\.txt"):
        locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)


@pytest.mark.parametrize("fault", [StorageFault.LOST_ANSWER, StorageFault.OUTAGE_AFTER])
def test_a_restore_whose_answer_was_lost_is_under_way(
    locations: Locations, fault: StorageFault
) -> None:
    store_cold(locations)
    locations.source.fail("restore", fault)

    try:
        locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)
    except StorageUnavailable:
        assert fault is StorageFault.OUTAGE_AFTER
    locations.source.heal()

    assert stat(locations.source, KEY).restore == Restore()
    locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)


def test_a_restored_object_can_be_copied(locations: Locations) -> None:
    store_cold(locations)
    locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)
    locations.finish_restores()
    found = stat(locations.source, KEY)
    assert found.etag is not None

    locations.copier().copy(KEY, etag=found.etag, key=KEY, size=5, content_type="text/plain")

    assert content_of(locations.target, KEY) == b"hello"
    assert stat(locations.target, KEY).archive is None
