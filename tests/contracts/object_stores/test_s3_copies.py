"""Copies on S3 alone: what is sent, what an interrupted one keeps, and odd answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_backfill.errors import (
    CopyRefused,
    ObjectChanged,
    ObjectCold,
    StorageRefused,
    StorageUnavailable,
)
from tests.contracts.object_stores.buckets import MIB, PREFIX, content_of, crc, create, upload_all
from tests.contracts.object_stores.locations import COPY, KEY, S3Locations, copy, stat
from tests.contracts.object_stores.meddling_proxy import (
    Answer,
    Proxy,
    Request,
    error_answer,
    header,
    is_copy,
    sent,
)

LARGE = bytes(range(256)) * 4096 * 11
XML = [("Content-Type", "application/xml")]


@pytest.fixture
def locations(locations_on_the_line: S3Locations) -> S3Locations:
    return locations_on_the_line


def test_a_copy_demands_an_empty_key_and_its_source_and_carries_nothing_else(
    locations: S3Locations, line: Proxy
) -> None:
    create(locations.source, KEY, b"hello")
    line.requests.clear()

    copy(locations)

    (request,) = [one for one in line.requests if is_copy(one)]
    assert header(request, "if-none-match") == "*"
    assert header(request, "x-amz-copy-source-if-match") == stat(locations.source, KEY).etag
    assert header(request, "x-amz-metadata-directive") == "REPLACE"
    assert header(request, "x-amz-tagging-directive") == "REPLACE"
    assert not [name for name in request.headers if "server-side-encryption" in name.lower()]


def test_every_part_of_a_copy_demands_its_source(locations: S3Locations, line: Proxy) -> None:
    create(locations.source, KEY, LARGE)
    line.requests.clear()

    copy(locations)

    parts = [one for one in line.requests if is_copy(one)]
    assert len(parts) == 3
    etag = stat(locations.source, KEY).etag
    assert {header(one, "x-amz-copy-source-if-match") for one in parts} == {etag}
    assert {header(one, "x-amz-copy-source-range") for one in parts} == {
        "bytes=0-5242879",
        "bytes=5242880-10485759",
        "bytes=10485760-11534335",
    }
    (completion,) = sent(line, r"^POST .*uploadId=")
    assert header(completion, "if-none-match") == "*"
    assert header(completion, "x-amz-mp-object-size") == str(len(LARGE))


@pytest.mark.parametrize(
    "body",
    [
        b"<Error><Code>InternalError</Code><Message>later</Message></Error>",
        b"<CopyObjectResult></CopyObjectResult>",
        b"",
    ],
)
def test_a_copy_without_an_etag_is_no_success(
    locations: S3Locations, line: Proxy, body: bytes
) -> None:
    create(locations.source, KEY, b"hello")
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if is_copy(request) else request
    )
    line.on_answer = lambda request, answer: Answer(200, XML, body) if is_copy(request) else answer

    with pytest.raises(StorageUnavailable, match=r"a\.txt"):
        copy(locations)

    line.reset()
    assert locations.target.reader.stat(COPY) is None


@pytest.mark.parametrize(
    "body",
    [
        b"<Error><Code>InternalError</Code><Message>later</Message></Error>",
        b"<CopyPartResult></CopyPartResult>",
    ],
)
def test_a_part_without_an_etag_is_no_part(
    locations: S3Locations, line: Proxy, body: bytes
) -> None:
    create(locations.source, KEY, LARGE)
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if "partNumber=2" in request.path else request
    )
    line.on_answer = lambda request, answer: (
        Answer(200, XML, body) if "partNumber=2" in request.path else answer
    )

    with pytest.raises(StorageUnavailable, match=r"a\.txt"):
        copy(locations)

    line.reset()
    assert locations.target.residue("") == []


def store_large(locations: S3Locations, content: bytes = LARGE) -> None:
    """With its CRC64NVME known."""
    upload_all(locations.source, KEY, [content[: 8 * MIB], content[8 * MIB :]])


def break_off(locations: S3Locations, line: Proxy) -> None:
    """Copies parts 1 and 3, and not part 2."""
    line.on_answer = lambda request, answer: (
        error_answer(500, "InternalError") if "partNumber=2" in request.path else answer
    )
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if "partNumber=2" in request.path else request
    )
    with pytest.raises(StorageUnavailable):
        copy(locations)
    line.reset()


def test_a_large_copy_that_broke_off_is_continued(locations: S3Locations, line: Proxy) -> None:
    store_large(locations)
    break_off(locations, line)
    assert locations.target.residue("") == [COPY]
    _, done = locations.target.writer.open_upload(COPY, content_type="text/plain")

    copy(locations)

    again = [one for one in line.requests if is_copy(one)]
    assert len(again) == 3 - len(done)
    assert content_of(locations.target, COPY) == LARGE
    assert locations.target.residue("") == [COPY]


def test_parts_of_another_state_of_the_source_do_not_become_a_copy(
    locations: S3Locations, line: Proxy
) -> None:
    store_large(locations)
    break_off(locations, line)
    other = bytes(reversed(LARGE))
    locations.source.eraser.erase(PREFIX)
    store_large(locations, other)

    copy(locations)

    assert content_of(locations.target, COPY) == other
    assert stat(locations.target, COPY).crc64 == crc(other)
    assert locations.target.residue("") == [COPY]


def test_a_copy_whose_whole_has_no_checksum_is_not_continued(
    locations: S3Locations, line: Proxy
) -> None:
    create(locations.source, KEY, LARGE)

    break_off(locations, line)

    assert locations.target.residue("") == []
    copy(locations)
    assert len([one for one in line.requests if is_copy(one)]) == 3


def test_another_writers_parts_never_get_into_a_copy_whose_whole_has_no_checksum(
    locations: S3Locations,
) -> None:
    create(locations.source, KEY, LARGE)
    upload, _ = locations.target.writer.open_upload(COPY, content_type="text/plain")
    locations.target.writer.put_part(COPY, upload, 1, b"other" * MIB)

    copy(locations)

    assert content_of(locations.target, COPY) == LARGE
    assert list(locations.target.writer.open_upload(COPY, content_type="text/plain")[1]) == [1]


def test_a_source_that_changes_during_a_large_copy_leaves_nothing(
    locations: S3Locations, line: Proxy
) -> None:
    store_large(locations)

    def change(request: Request) -> Request:
        if request.method == "POST" and "uploads" in request.path:
            locations.source.overwrite(KEY, LARGE + b"!")
        return request

    found = stat(locations.source, KEY)
    line.on_request = change
    with pytest.raises(ObjectChanged):
        locations.copier(whole=MIB).copy(
            KEY, etag=found.etag or "", key=COPY, size=found.size, content_type="text/plain"
        )

    line.reset()
    assert locations.target.residue("") == []


def test_a_condition_that_failed_for_nothing_that_is_there_now_is_an_outage(
    locations: S3Locations, line: Proxy
) -> None:
    create(locations.source, KEY, b"hello")
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if is_copy(request) else request
    )
    line.on_answer = lambda request, answer: (
        error_answer(412, "PreconditionFailed") if is_copy(request) else answer
    )

    with pytest.raises(StorageUnavailable):
        copy(locations)


@pytest.mark.parametrize("code", ["InvalidObjectState", "ObjectNotInActiveTierError"])
def test_both_names_of_cold_are_known(locations: S3Locations, line: Proxy, code: str) -> None:
    create(locations.source, KEY, b"hello")
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if is_copy(request) else request
    )
    line.on_answer = lambda request, answer: error_answer(403, code) if is_copy(request) else answer

    with pytest.raises(ObjectCold):
        copy(locations)


def test_a_missing_source_bucket_is_a_refusal(locations: S3Locations, line: Proxy) -> None:
    create(locations.source, KEY, b"hello")
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if is_copy(request) else request
    )
    line.on_answer = lambda request, answer: (
        error_answer(404, "NoSuchBucket") if is_copy(request) else answer
    )

    with pytest.raises(StorageRefused, match="NoSuchBucket"):
        copy(locations)


@pytest.mark.parametrize("content", [b"hello", LARGE])
@pytest.mark.parametrize(
    ("said", "expected"),
    [("VPC endpoints do not support cross-region requests", CopyRefused), ("No", StorageRefused)],
)
def test_a_way_on_which_s3_does_not_copy_is_told_from_a_missing_right(
    locations: S3Locations, line: Proxy, content: bytes, said: str, expected: type[Exception]
) -> None:
    create(locations.source, KEY, content)
    body = f"<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>".encode()
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if is_copy(request) else request
    )
    line.on_answer = lambda request, answer: Answer(403, XML, body) if is_copy(request) else answer

    with pytest.raises(StorageRefused) as refused:
        copy(locations)

    assert refused.type is expected
    line.reset()
    assert locations.target.residue("") == []
