"""Reading: ranges, blocks, listings, and links that lead to one object only."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_backfill.errors import NotFound
from tests.contracts.object_stores.buckets import (
    MIB,
    PREFIX,
    Bucket,
    content_of,
    create,
)

KEY = PREFIX + "assets/a.txt"


@given(
    size=st.integers(0, 12),
    start=st.integers(0, 14),
    end=st.none() | st.integers(0, 14),
    name=st.sampled_from(["a.txt", "a//b"]),
)
@settings(
    max_examples=60,
    deadline=None,
    # Each example overwrites the object it reads.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_range_reads_as_a_slice_does(
    bucket: Bucket, size: int, start: int, end: int | None, name: str
) -> None:
    content = bytes(range(size))
    bucket.overwrite(PREFIX + name, content)

    assert content_of(bucket, PREFIX + name, start=start, end=end) == content[start:end]


@pytest.mark.parametrize(("start", "end"), [(0, None), (5, None), (0, 3), (3, 3), (5, 2)])
@pytest.mark.parametrize("name", ["a.txt", "a//b"])
def test_no_range_of_a_missing_object_reads_as_empty(
    bucket: Bucket, start: int, end: int | None, name: str
) -> None:
    with pytest.raises(NotFound):
        content_of(bucket, PREFIX + name, start=start, end=end)


def test_a_large_object_comes_in_blocks(bucket: Bucket) -> None:
    content = hashlib.sha256(b"seed").digest() * (5 * MIB // 32) + b"rest"
    bucket.overwrite(KEY, content)

    blocks = list(bucket.reader.read(KEY))

    assert b"".join(blocks) == content
    assert all(type(block) is bytes and len(block) <= 2 * MIB for block in blocks)
    assert len(blocks) >= 3


def test_a_reading_can_be_given_up_at_any_block(bucket: Bucket) -> None:
    bucket.overwrite(KEY, b"x" * (3 * MIB))

    blocks = bucket.reader.read(KEY)
    assert next(blocks)
    blocks.close()  # type: ignore[attr-defined]  # Both adapters read by generators.

    assert len(content_of(bucket, KEY)) == 3 * MIB


def test_a_listing_has_every_key_below_the_prefix_in_the_order_of_bytes(bucket: Bucket) -> None:
    names = ["z", "Z", "é", "e\u0301", "\uffee", "😀", "a", "a/b", "a b", "a+b", "a%2Fb", "a-b"]
    for name in names:
        create(bucket, PREFIX + name, name.encode())
    create(bucket, PREFIX.replace("/v1/", "/v10/") + "a", b"")
    create(bucket, PREFIX.replace("/v1/", "/v2/") + "a", b"")

    listed = list(bucket.reader.list(PREFIX))

    expected = sorted((PREFIX + name for name in names), key=str.encode)
    assert [found.key for found in listed] == expected
    assert [found.size for found in listed] == [
        len(key.removeprefix(PREFIX).encode()) for key in expected
    ]


def test_a_listing_of_nothing_is_empty(bucket: Bucket) -> None:
    assert list(bucket.reader.list(PREFIX)) == []


def test_a_listing_leaves_out_what_was_deleted(bucket: Bucket) -> None:
    create(bucket, KEY, b"hello")
    bucket.mark_deleted(KEY)

    assert list(bucket.reader.list(PREFIX)) == []
    assert bucket.reader.stat(KEY) is None


def test_a_listing_goes_on_over_many_pages(bucket: Bucket) -> None:
    keys = [f"{PREFIX}assets/{number:04d}" for number in range(1100)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: create(bucket, key, b""), keys))

    assert [found.key for found in bucket.reader.list(PREFIX)] == keys
    assert bucket.eraser.erase(PREFIX) == 1100
    assert bucket.residue("") == []


def test_a_link_names_the_object_its_life_and_the_file(bucket: Bucket) -> None:
    link = bucket.reader.presign(KEY, version_id="7", seconds=60, file_name="a.txt")

    url = urlsplit(link)
    assert unquote(url.path).endswith(KEY)
    assert parse_qs(url.query)["versionId"] == ["7"]


def test_a_link_leads_to_exactly_that_version_as_a_download(s3_bucket: Bucket) -> None:
    create(s3_bucket, KEY, b"first")
    stat = s3_bucket.reader.stat(KEY)
    assert stat is not None
    name = 'é "quoted"\r\nSet-Cookie: x=1; 😀.txt'
    link = s3_bucket.reader.presign(KEY, version_id=stat.version_id, seconds=60, file_name=name)
    if stat.version_id is not None:
        s3_bucket.overwrite(KEY, b"second")

    with urllib.request.urlopen(link) as answer:  # noqa: S310 -- a URL of our own server.
        assert answer.read() == b"first"
        disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="')
    assert "Set-Cookie" not in answer.headers
    assert unquote(disposition.split("filename*=UTF-8''")[1]) == name
    assert "X-Amz-Expires=60" in link
