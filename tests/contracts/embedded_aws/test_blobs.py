"""Blobs and the decoding of chunked bodies, for any bytes cut anywhere."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.local.embedded_aws.aws_chunked import AwsChunkedDecoder
from course_backfill.local.embedded_aws.blobs import (
    IN_MEMORY_BYTES,
    Blob,
    BlobStore,
    DirectoryInUse,
)
from course_backfill.local.embedded_aws.payloads import received_payload
from course_backfill.local.embedded_aws.s3_errors import S3Refusal

BODIES = st.lists(st.binary(max_size=50), max_size=6)


@given(bodies=BODIES, data=st.data())
def test_a_part_of_joined_blobs_is_the_part_of_the_joined_bytes(
    bodies: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(bodies)
    start = data.draw(st.integers(0, len(whole) + 2))
    stop = data.draw(st.integers(start, len(whole) + 2))
    blob = Blob.joined(Blob.of(body) for body in bodies)
    cut = blob[start:stop]
    assert bytes(cut) == whole[start:stop]
    assert len(cut) == len(whole[start:stop])
    assert bytes(cut[1:-1]) == whole[start:stop][1:-1]
    assert cut.digest("SHA256") == hashlib.sha256(whole[start:stop]).digest()


@given(bodies=BODIES, data=st.data())
def test_what_was_counted_of_a_part_stays_known(bodies: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(bodies)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    parts = [Blob.of(body) for body in bodies]
    for part in parts:
        part.count({"MD5"})
    blob = Blob.joined(parts)
    blob.cut(start, stop).count({"SHA256", "MD5"})
    again = blob.cut(start, stop)
    assert again.uncounted({"SHA256", "MD5"}) == set()
    assert again.digest("SHA256") == hashlib.sha256(whole[start:stop]).digest()
    first = len(bodies[0]) if bodies else 0
    assert first == 0 or blob[:first].uncounted({"MD5"}) == set()


@pytest.mark.parametrize("size", [0, 1, IN_MEMORY_BYTES, IN_MEMORY_BYTES + 1, 3_000_000])
def test_what_is_written_is_read(tmp_path: Path, size: int) -> None:
    body = bytes(index % 251 for index in range(size))
    writer = BlobStore(tmp_path / "blobs").writer({"MD5"})
    for start in range(0, size, 70_000):
        writer.write(body[start : start + 70_000])
    blob = writer.finish()
    assert bytes(blob) == body
    assert blob.digest("MD5") == hashlib.md5(body, usedforsecurity=False).digest()


def test_a_file_goes_with_the_last_blob_that_uses_it(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    writer = store.writer(())
    writer.write(bytes(100_000))
    blob = writer.finish()
    part = blob[10:20]
    del blob
    assert len(list((tmp_path / "blobs").iterdir())) == 1
    assert bytes(part) == bytes(10)
    del part
    assert list((tmp_path / "blobs").iterdir()) == []
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_belongs_to_one_server_and_is_cleared_of_a_killed_ones_files(
    tmp_path: Path,
) -> None:
    (tmp_path / "left").write_bytes(b"x")
    store = BlobStore(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DirectoryInUse):
        BlobStore(tmp_path)
    store.close()
    BlobStore(tmp_path).close()


def test_a_body_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(100_000)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(received_payload(broken(), {}, BlobStore(tmp_path / "blobs")))
    assert list((tmp_path / "blobs").iterdir()) == []


@given(bodies=BODIES, pieces=st.integers(1, 40), signed=st.booleans())
def test_a_chunked_body_is_decoded_however_it_arrives(
    bodies: list[bytes], pieces: int, signed: bool
) -> None:
    extension = ";chunk-signature=" + "0" * 64 if signed else ""
    encoded = b"".join(
        f"{len(body):x}{extension}\r\n".encode() + body + b"\r\n" for body in bodies if body
    )
    encoded += f"0{extension}\r\nx-amz-checksum-crc32: AAAAAA==\r\n\r\n".encode()
    decoder = AwsChunkedDecoder()
    decoded = b""
    for start in range(0, len(encoded), pieces):
        decoded += b"".join(decoder.feed(encoded[start : start + pieces]))
    decoder.close()
    assert decoded == b"".join(bodies)
    assert decoder.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


@pytest.mark.parametrize(
    "body", [b"", b"5\r\nabc", b"zz\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"x" * 99_999]
)
def test_a_chunked_body_that_is_not_well_formed_is_refused(body: bytes) -> None:
    def decode() -> None:
        decoder = AwsChunkedDecoder()
        list(decoder.feed(body))
        decoder.close()

    with pytest.raises(S3Refusal) as caught:
        decode()
    assert caught.value.code == "IncompleteBody"
