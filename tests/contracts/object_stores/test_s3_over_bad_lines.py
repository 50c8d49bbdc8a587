"""S3 behind a line that drops, cuts and alters: what arrives is right, or is an error."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest

from course_backfill.errors import ObjectExists, StorageUnavailable, UploadLost
from tests.contracts.object_stores.buckets import (
    MIB,
    PREFIX,
    S3Buckets,
    complete,
    content_of,
    create,
)
from tests.contracts.object_stores.meddling_proxy import (
    Answer,
    Proxy,
    Request,
    cut,
    error_answer,
)

FAST, SURE = PREFIX + "assets/fast", PREFIX + "assets/sure/"
"""obstore carries the first of these keys; the other one only boto3 does."""
LARGE = bytes(range(256)) * (4 * MIB // 256)


@pytest.fixture
def bucket(bucket_on_the_line: S3Buckets) -> S3Buckets:
    return bucket_on_the_line


@pytest.mark.parametrize("key", [FAST, SURE])
def test_a_reading_goes_on_at_the_byte_where_it_was_cut(
    bucket: S3Buckets, line: Proxy, key: str
) -> None:
    bucket.overwrite(key, LARGE)
    line.on_answer = lambda request, answer: (
        cut(answer, MIB + 1) if request.method == "GET" and len(line.requests) < 4 else answer
    )

    assert content_of(bucket, key) == LARGE
    assert len(line.requests) >= 4


@pytest.mark.parametrize("key", [FAST, SURE])
@pytest.mark.parametrize(("start", "end"), [(7, None), (7, 3 * MIB)])
def test_a_range_that_was_cut_stays_that_range(
    bucket: S3Buckets, line: Proxy, key: str, start: int, end: int | None
) -> None:
    bucket.overwrite(key, LARGE)
    line.on_answer = lambda request, answer: (
        cut(answer, MIB + 1) if request.method == "GET" and len(line.requests) == 1 else answer
    )

    assert content_of(bucket, key, start=start, end=end) == LARGE[start:end]


@pytest.mark.parametrize("key", [FAST, SURE])
def test_two_states_of_a_file_are_never_read_as_one(
    bucket: S3Buckets, line: Proxy, key: str
) -> None:
    bucket.overwrite(key, LARGE)

    def replace_then_cut(request: Request, answer: Answer) -> Answer:
        if request.method == "GET" and len(line.requests) == 1:
            bucket.overwrite(key, LARGE[::-1])
            return cut(answer, MIB + 1)
        return answer

    line.on_answer = replace_then_cut

    with pytest.raises(StorageUnavailable):
        content_of(bucket, key)


@pytest.mark.parametrize("key", [FAST, SURE])
def test_a_line_that_never_holds_is_an_outage(bucket: S3Buckets, line: Proxy, key: str) -> None:
    bucket.overwrite(key, LARGE)
    line.on_answer = lambda request, answer: cut(answer, 0)

    with pytest.raises(StorageUnavailable):
        content_of(bucket, key)


@pytest.mark.parametrize("key", [FAST, SURE])
def test_bytes_altered_on_the_way_are_sent_again(bucket: S3Buckets, line: Proxy, key: str) -> None:
    line.on_request = lambda request: _flipped(request) if len(line.requests) == 1 else request

    create(bucket, key, b"hello" * 1000)

    assert content_of(bucket, key) == b"hello" * 1000
    stat = bucket.reader.stat(key)
    assert stat is not None
    assert stat.sha256 == hashlib.sha256(b"hello" * 1000).hexdigest()


@pytest.mark.parametrize("key", [FAST, SURE])
def test_bytes_that_are_always_altered_are_never_stored(
    bucket: S3Buckets, line: Proxy, key: str
) -> None:
    line.on_request = lambda request: _flipped(request) if request.method == "PUT" else request

    with pytest.raises(StorageUnavailable, match="BadDigest"):
        create(bucket, key, b"hello" * 1000)

    assert bucket.residue("") == []


def test_a_part_altered_on_the_way_is_sent_again(bucket: S3Buckets, line: Proxy) -> None:
    upload, _ = bucket.writer.open_upload(FAST, content_type="text/plain")
    line.requests.clear()
    line.on_request = lambda request: _flipped(request) if len(line.requests) == 1 else request

    part = bucket.writer.put_part(FAST, upload, 1, b"hello")
    complete(bucket, FAST, upload, [part], b"hello")

    assert content_of(bucket, FAST) == b"hello"


@pytest.mark.parametrize("key", [FAST, SURE])
@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (400, "RequestTimeout")]
)
def test_a_passing_error_is_not_noticed(
    bucket: S3Buckets, line: Proxy, key: str, status: int, code: str
) -> None:
    line.on_answer = lambda request, answer: (
        error_answer(status, code) if len(line.requests) == 1 else answer
    )

    # The request was carried out all the same; only its answer said otherwise.
    with pytest.raises(ObjectExists):
        create(bucket, key, b"hello")

    assert content_of(bucket, key) == b"hello"


def test_two_writers_at_once_are_told_from_an_object_that_exists(
    bucket: S3Buckets, line: Proxy
) -> None:
    conflict = error_answer(409, "ConditionalRequestConflict")
    line.on_request = lambda request: (
        replace(request, method="GET", path="/") if len(line.requests) == 1 else request
    )
    line.on_answer = lambda request, answer: conflict if len(line.requests) == 1 else answer

    create(bucket, FAST, b"hello")

    assert content_of(bucket, FAST) == b"hello"


def test_a_completed_upload_that_s3_forgot_is_known_by_its_object(
    bucket: S3Buckets, line: Proxy
) -> None:
    upload, _ = bucket.writer.open_upload(FAST, content_type="text/plain")
    part = bucket.writer.put_part(FAST, upload, 1, b"hello")
    line.on_answer = lambda request, answer: (
        error_answer(404, "NoSuchUpload") if request.method == "POST" else answer
    )

    with pytest.raises(ObjectExists):
        complete(bucket, FAST, upload, [part], b"hello")

    assert content_of(bucket, FAST) == b"hello"


def test_a_completion_without_an_etag_is_no_success(bucket: S3Buckets, line: Proxy) -> None:
    upload, _ = bucket.writer.open_upload(FAST, content_type="text/plain")
    part = bucket.writer.put_part(FAST, upload, 1, b"hello")
    line.on_answer = lambda request, answer: (
        replace(answer, body=re.sub(b"<ETag>.*</ETag>", b"", answer.body))
        if request.method == "POST"
        else answer
    )

    with pytest.raises(StorageUnavailable, match="ETag"):
        complete(bucket, FAST, upload, [part], b"hello")


def test_a_lost_upload_is_told_to_those_who_send_parts(bucket: S3Buckets, line: Proxy) -> None:
    upload, _ = bucket.writer.open_upload(FAST, content_type="text/plain")
    line.on_answer = lambda request, answer: error_answer(404, "NoSuchUpload")

    with pytest.raises(UploadLost):
        bucket.writer.put_part(FAST, upload, 1, b"hello")


def _flipped(request: Request) -> Request:
    body = bytes([request.body[0] ^ 1]) + request.body[1:]
    return replace(request, body=body)
