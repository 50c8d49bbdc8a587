"""Small objects: stored whole, byte for byte under their key, and never replaced."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_backfill.copies.object_keys import relative_key
from course_backfill.errors import NotFound, ObjectExists, StorageRefused
from tests.contracts.object_stores.buckets import PREFIX, Bucket, complete, content_of, create

KEY = PREFIX + "assets/a.txt"


@pytest.mark.parametrize("content", [b"", b"x", b"hello" * 1000, bytes(range(256)) * 8192])
def test_what_was_created_is_read_back(bucket: Bucket, content: bytes) -> None:
    create(bucket, KEY, content)

    assert content_of(bucket, KEY) == content


def test_a_created_object_has_the_sha256_that_s3_checked(bucket: Bucket) -> None:
    create(bucket, KEY, b"hello")

    stat = bucket.reader.stat(KEY)
    assert stat is not None
    assert stat.key == KEY
    assert stat.size == 5
    assert stat.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert stat.etag


def test_there_is_no_stat_of_what_is_not_there(bucket: Bucket) -> None:
    create(bucket, KEY, b"hello")

    assert bucket.reader.stat(PREFIX + "assets/a") is None
    assert bucket.reader.stat(KEY + "x") is None


def test_an_existing_object_is_never_replaced(bucket: Bucket) -> None:
    create(bucket, KEY, b"first")

    with pytest.raises(ObjectExists, match=r"a\.txt"):
        create(bucket, KEY, b"second")
    with pytest.raises(ObjectExists):
        create(bucket, KEY, b"first")

    assert content_of(bucket, KEY) == b"first"
    assert bucket.residue(PREFIX) == [KEY]


def test_the_stored_sha256_is_that_of_the_bytes_whatever_the_caller_says(bucket: Bucket) -> None:
    meant = hashlib.sha256(b"meant").hexdigest()
    bucket.writer.create(KEY, b"altered", sha256=meant, content_type="text/plain")

    stat = bucket.reader.stat(KEY)
    assert stat is not None
    assert stat.sha256 == hashlib.sha256(b"altered").hexdigest()


def test_of_many_writers_at_once_one_wins(bucket: Bucket) -> None:
    def attempt(number: int) -> int | None:
        try:
            create(bucket, KEY, b"%d" % number)
        except ObjectExists:
            return None
        return number

    with ThreadPoolExecutor(16) as threads:
        winners = [one for one in threads.map(attempt, range(16)) if one is not None]

    assert len(winners) == 1
    assert content_of(bucket, KEY) == b"%d" % winners[0]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html; charset=utf-8", "text/html; charset=utf-8"),
        (" text/html;  charset=utf-8\t", "text/html; charset=utf-8"),
        ("not-a-type", "not-a-type"),
        ("", "application/octet-stream"),
        (" ", "application/octet-stream"),
        ("text/plain\r\nx-amz-acl: public-read", "application/octet-stream"),
        ("té/xt", "application/octet-stream"),
        ("\x00", "application/octet-stream"),
        ("a" * 9000, "application/octet-stream"),
    ],
)
def test_a_content_type_that_no_header_can_carry_becomes_the_general_one(
    bucket: Bucket, content_type: str, expected: str
) -> None:
    create(bucket, KEY, b"hello", content_type)
    upload, _ = bucket.writer.open_upload(KEY + ".large", content_type=content_type)
    part = bucket.writer.put_part(KEY + ".large", upload, 1, b"hello")
    complete(bucket, KEY + ".large", upload, [part], b"hello")

    assert content_of(bucket, KEY) == b"hello"
    assert bucket.content_type(KEY) == bucket.content_type(KEY + ".large") == expected


@pytest.mark.parametrize(
    "name",
    [
        "a//b",
        "a/",
        "/a",
        "a/./b",
        "a/../b",
        "../../v2/assets/x",
        "...",
        " a ",
        "a+b c&d=e?f#g;h,i:j@k!l$m'n(o)*~",
        "%2F",
        "é",
        "e\u0301",
        "\u202e\u2028.txt",
        "😀",
        "not in XML: \ufffe \uffff",
        "name with \\ and \x00 and \r\n",
        "_long/x",
        "n" * 1500,
    ],
)
def test_a_hostile_name_stays_one_object_of_its_own(bucket: Bucket, name: str) -> None:
    key = PREFIX + relative_key("assets/" + name, version_prefix=PREFIX)
    create(bucket, key, name.encode())

    assert content_of(bucket, key) == name.encode()
    assert [found.key for found in bucket.reader.list(PREFIX)] == [key]
    assert bucket.eraser.erase(PREFIX) == 1
    assert bucket.residue("") == []


@given(names=st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=8))
@settings(
    max_examples=40,
    deadline=None,
    # Each example leaves the bucket empty, which is asserted.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_names_are_kept_apart_listed_in_order_and_erased(
    bucket: Bucket, names: set[str]
) -> None:
    contents = {
        PREFIX + relative_key(f"assets/{name}", version_prefix=PREFIX): name.encode()
        for name in names
    }
    for key, content in contents.items():
        create(bucket, key, content)

    listed = [found.key for found in bucket.reader.list(PREFIX)]
    assert listed == sorted(contents, key=str.encode)
    assert {key: content_of(bucket, key) for key in listed} == contents
    bucket.eraser.erase(PREFIX)
    assert bucket.residue("") == []


def test_a_key_beyond_what_s3_takes_is_refused(bucket: Bucket) -> None:
    with pytest.raises(StorageRefused):
        create(bucket, "k" * 1025, b"hello")


def test_reading_what_is_not_there_says_so(bucket: Bucket) -> None:
    with pytest.raises(NotFound, match="assets"):
        content_of(bucket, KEY)
