"""Restores and listings on S3 alone: what is sent, and answers of endpoints that differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.cold.storage import Tier
from course_backfill.errors import StorageRefused
from tests.contracts.object_stores.buckets import PREFIX, create
from tests.contracts.object_stores.locations import KEY, S3Locations, listed, stat, store_cold
from tests.contracts.object_stores.meddling_proxy import (
    Answer,
    Proxy,
    error_answer,
    header,
    sent,
)


@pytest.fixture
def locations(locations_on_the_line: S3Locations) -> S3Locations:
    return locations_on_the_line


@pytest.mark.parametrize(
    "answer",
    [
        error_answer(400, "InvalidArgument"),
        error_answer(400, "InvalidRequest"),
        error_answer(501, "NotImplemented"),
    ],
    ids=["InvalidArgument", "InvalidRequest", "NotImplemented"],
)
def test_an_endpoint_that_lists_no_restores_still_lists(
    locations: S3Locations, line: Proxy, answer: Answer
) -> None:
    create(locations.source, KEY, b"hello")
    line.on_answer = lambda request, real: (
        answer if header(request, "x-amz-optional-object-attributes") else real
    )

    assert listed(locations.source, KEY).size == 5


def test_a_listing_that_is_refused_stays_refused(locations: S3Locations, line: Proxy) -> None:
    line.on_answer = lambda request, real: error_answer(403, "AccessDenied")

    with pytest.raises(StorageRefused, match="AccessDenied"):
        list(locations.source.reader.list(PREFIX))


@pytest.mark.parametrize(
    "said",
    [
        'ongoing-request="maybe"',
        'ongoing-request="false", expiry-date="soon"',
        'ongoing-request="true", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"',
        'ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00"',
        "done",
        "",
    ],
)
def test_a_restore_in_other_words_than_s3s_is_not_guessed_at(
    locations: S3Locations, line: Proxy, said: str
) -> None:
    create(locations.source, KEY, b"hello")
    line.on_answer = lambda request, real: replace(
        real, headers=[*real.headers, ("x-amz-restore", said)]
    )

    with pytest.raises(StorageRefused, match=r"in other words"):
        locations.source.reader.stat(KEY)


def test_done_without_a_date_is_warm_for_good(locations: S3Locations, line: Proxy) -> None:
    create(locations.source, KEY, b"hello")
    line.on_answer = lambda request, real: replace(
        real, headers=[*real.headers, ("x-amz-restore", 'ongoing-request="false"')]
    )

    found = stat(locations.source, KEY)
    assert (found.archive, found.restore) == (None, None)


def test_a_restore_names_its_days_and_its_tier(locations: S3Locations, line: Proxy) -> None:
    store_cold(locations)
    line.requests.clear()

    locations.restorer.restore(KEY, days=3, tier=Tier.BULK)

    (request,) = sent(line, r"^POST .*restore")
    assert b"<Days>3</Days>" in request.body
    assert b"<Tier>Bulk</Tier>" in request.body


def test_a_restore_from_intelligent_tiering_names_no_days(
    locations: S3Locations, line: Proxy
) -> None:
    store_cold(locations, "ARCHIVE_ACCESS")
    line.requests.clear()

    locations.restorer.restore(KEY, days=None, tier=Tier.STANDARD)

    (request,) = sent(line, r"^POST .*restore")
    assert b"Days" not in request.body


def test_a_restore_that_is_not_allowed_names_the_right_that_is_missing(
    locations: S3Locations,
) -> None:
    create(locations.source, KEY, b"hello")
    locations.source.fail("restore", StorageFault.REFUSED)

    with pytest.raises(StorageRefused, match="s3:RestoreObject"):
        locations.restorer.restore(KEY, days=3, tier=Tier.STANDARD)


@pytest.mark.parametrize(
    ("tier", "days"),
    [
        (Tier.EXPEDITED, [True, False]),
        (Tier.STANDARD, [True, False]),
        (Tier.BULK, [True]),
    ],
)
def test_a_restore_that_is_under_way_is_asked_for_more_speed_and_not_for_other_days(
    locations: S3Locations, line: Proxy, tier: Tier, days: list[bool]
) -> None:
    store_cold(locations)
    locations.restorer.restore(KEY, days=3, tier=Tier.BULK)
    line.requests.clear()

    locations.restorer.restore(KEY, days=5, tier=tier)

    requests = sent(line, r"^POST .*restore")
    assert [b"<Days>5</Days>" in one.body for one in requests] == days
    assert all(f"<Tier>{tier}</Tier>".encode() in one.body for one in requests)


@pytest.mark.parametrize("code", ["RestoreAlreadyInProgress", "MalformedXML", "InvalidArgument"])
def test_a_restore_that_goes_no_faster_goes_on(
    locations: S3Locations, line: Proxy, code: str
) -> None:
    store_cold(locations)
    locations.restorer.restore(KEY, days=3, tier=Tier.BULK)
    line.on_answer = lambda request, answer: (
        error_answer(409, code)
        if request.method == "POST" and b"Days" not in request.body
        else answer
    )

    locations.restorer.restore(KEY, days=5, tier=Tier.EXPEDITED)


def test_a_restore_from_intelligent_tiering_that_is_under_way_is_asked_for_once(
    locations: S3Locations, line: Proxy
) -> None:
    store_cold(locations, "ARCHIVE_ACCESS")
    locations.restorer.restore(KEY, days=None, tier=Tier.STANDARD)
    line.requests.clear()

    locations.restorer.restore(KEY, days=None, tier=Tier.STANDARD)

    assert len(sent(line, r"^POST .*restore")) == 1
