"""Copies inside S3: create-only, pinned to one state of the source, in the class asked for."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_backfill.copies.object_keys import relative_key
from course_backfill.errors import (
    ObjectChanged,
    ObjectCold,
    ObjectExists,
)
from tests.contracts.object_stores.buckets import (
    MIB,
    PREFIX,
    content_of,
    crc,
    create,
    upload_all,
)
from tests.contracts.object_stores.locations import COPY, KEY, Locations, copy, listed, stat

LARGE = bytes(range(256)) * 4096 * 11
"""11 MiB: two parts of 5 MiB, and a last one of 1."""


def store_large(locations: Locations, content: bytes = LARGE) -> None:
    """A large object as the pipeline stores one: its CRC64NVME is known."""
    upload_all(locations.source, KEY, [content[: MIB * 8], content[MIB * 8 :]])


def test_a_copy_has_the_bytes_the_type_and_the_sha256(locations: Locations) -> None:
    create(locations.source, KEY, b"hello", "text/html")

    copy(locations, content_type="text/html")

    assert content_of(locations.target, COPY) == b"hello"
    assert locations.target.content_type(COPY) == "text/html"
    found = stat(locations.target, COPY)
    assert found.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert (found.storage_class, found.archive, found.restore) == ("STANDARD", None, None)
    assert content_of(locations.source, KEY) == b"hello"


def test_a_copy_has_the_type_that_is_given(locations: Locations) -> None:
    create(locations.source, KEY, b"hello", "application/octet-stream")

    copy(locations, content_type="image/png\r\nx-amz-acl: public-read")
    copy(locations, content_type="image/png", key=COPY + ".png")

    assert locations.target.content_type(COPY) == "application/octet-stream"
    assert locations.target.content_type(COPY + ".png") == "image/png"


def test_an_empty_object_is_copied(locations: Locations) -> None:
    create(locations.source, KEY, b"")

    copy(locations)

    assert stat(locations.target, COPY).size == 0


def test_a_large_copy_has_the_bytes_the_type_and_the_crc64(locations: Locations) -> None:
    store_large(locations)

    copy(locations, content_type="video/mp4")

    assert content_of(locations.target, COPY) == LARGE
    assert locations.target.content_type(COPY) == "video/mp4"
    assert stat(locations.target, COPY).crc64 == crc(LARGE)
    assert locations.target.residue("") == [COPY]


def test_up_to_the_threshold_one_request_copies_an_object_that_came_in_parts(
    locations: Locations,
) -> None:
    store_large(locations)

    copy(locations, whole=len(LARGE))

    assert content_of(locations.target, COPY) == LARGE
    assert stat(locations.target, COPY).crc64 == crc(LARGE)


def test_a_large_copy_of_what_has_no_crc64_gets_one(locations: Locations) -> None:
    create(locations.source, KEY, LARGE)

    copy(locations)

    assert content_of(locations.target, COPY) == LARGE
    found = stat(locations.target, COPY)
    assert (found.sha256, found.crc64) == (None, crc(LARGE))


@pytest.mark.parametrize("content", [b"hello", LARGE], ids=["small", "large"])
def test_an_existing_object_is_never_replaced_by_a_copy(
    locations: Locations, content: bytes
) -> None:
    create(locations.source, KEY, content)
    create(locations.target, COPY, b"first")

    with pytest.raises(ObjectExists, match=r"a\.txt"):
        copy(locations)

    assert content_of(locations.target, COPY) == b"first"
    assert locations.target.residue("") == [COPY]


@pytest.mark.parametrize("content", [b"hello", LARGE], ids=["small", "large"])
def test_only_the_state_that_is_named_is_copied(locations: Locations, content: bytes) -> None:
    create(locations.source, KEY, content)
    was = stat(locations.source, KEY).etag
    locations.source.overwrite(KEY, content + b"!")

    with pytest.raises(ObjectChanged, match=r"a\.txt"):
        copy(locations, etag=was)

    assert locations.target.residue("") == []


def test_a_source_that_is_gone_has_changed(locations: Locations) -> None:
    create(locations.source, KEY, b"hello")
    was = stat(locations.source, KEY).etag
    locations.source.mark_deleted(KEY)

    with pytest.raises(ObjectChanged, match=r"a\.txt"):
        copy(locations, etag=was)


def test_a_target_that_exists_is_told_of_before_a_source_that_changed(
    locations: Locations,
) -> None:
    create(locations.source, KEY, b"hello")
    create(locations.target, COPY, b"hello")
    was = stat(locations.source, KEY).etag
    locations.source.overwrite(KEY, b"other")

    with pytest.raises(ObjectExists):
        copy(locations, etag=was)


@pytest.mark.parametrize("content", [b"hello", LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("storage_class", "archive"),
    [
        ("STANDARD_IA", None),
        ("INTELLIGENT_TIERING", None),
        ("GLACIER_IR", None),
        ("GLACIER", "GLACIER"),
        ("DEEP_ARCHIVE", "DEEP_ARCHIVE"),
    ],
)
def test_a_copy_is_of_the_class_asked_for(
    locations: Locations, content: bytes, storage_class: str, archive: str | None
) -> None:
    create(locations.source, KEY, content)

    copy(locations, storage_class=storage_class)

    for found in (stat(locations.target, COPY), listed(locations.target, COPY)):
        assert (found.storage_class, found.archive) == (storage_class, archive)
    assert stat(locations.source, KEY).storage_class == "STANDARD"


@pytest.mark.parametrize("content", [b"hello", LARGE], ids=["small", "large"])
def test_a_cold_source_is_not_copied(locations: Locations, content: bytes) -> None:
    create(locations.source, KEY, content)
    locations.archive(KEY, "GLACIER")

    with pytest.raises(ObjectCold, match=r"a\.txt"):
        copy(locations)

    assert locations.target.reader.stat(COPY) is None


@pytest.mark.parametrize(
    "name",
    [
        "a+b c&d=e?f#g;h,i:j@k!l$m'n(o)*~",
        "%2F",
        "100%",
        "?versionId=null",
        "é",
        "e\u0301",
        "😀",
        "\u202e\u2028.txt",
        " a ",
        "a//b",
        "a/./b",
        "/",
        "name with \\ and \x00 and \r\n",
    ],
)
@pytest.mark.parametrize("whole", [5 * MIB, 0], ids=["small", "large"])
def test_a_hostile_name_is_copied_to_one_of_its_own(
    locations: Locations, name: str, whole: int
) -> None:
    key = PREFIX + relative_key("assets/" + name, version_prefix=PREFIX)
    create(locations.source, key, name.encode())

    copy(locations, source_key=key, key="copies/" + key, whole=whole)

    assert content_of(locations.target, "copies/" + key) == name.encode()
    assert [found.key for found in locations.target.reader.list("")] == ["copies/" + key]


@given(names=st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=4))
@settings(
    max_examples=25,
    deadline=None,
    # Each example leaves the buckets empty, which is asserted.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_names_are_copied_apart(locations: Locations, names: set[str]) -> None:
    contents = {
        PREFIX + relative_key(f"assets/{name}", version_prefix=PREFIX): name.encode()
        for name in names
    }
    for key, content in contents.items():
        create(locations.source, key, content)
        copy(locations, source_key=key, key=key)

    listing = [found.key for found in locations.target.reader.list(PREFIX)]
    assert listing == sorted(contents, key=str.encode)
    assert {key: content_of(locations.target, key) for key in listing} == contents
    for bucket in (locations.source, locations.target):
        bucket.eraser.erase(PREFIX)
        assert bucket.residue("") == []


@pytest.mark.parametrize("content", [b"hello", LARGE], ids=["small", "large"])
def test_of_many_copies_at_once_one_wins(locations: Locations, content: bytes) -> None:
    create(locations.source, KEY, content)

    def attempt(_: int) -> bool:
        try:
            copy(locations)
        except ObjectExists:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(attempt, range(4)))

    assert won.count(True) == 1
    assert content_of(locations.target, COPY) == content
    assert locations.target.residue("") == [COPY]
