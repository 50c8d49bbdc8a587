"""Checksums of a stream: those of the whole, however it is cut and however late they are."""

from __future__ import annotations

import hashlib
import threading

from awscrt.checksums import crc64nvme
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.checksums import BEHIND, RunningChecksums, Stored, checksums_of


def expected(content: bytes) -> Stored:
    return Stored(
        hashlib.sha256(content).hexdigest(),
        hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )


PIECES = st.lists(st.binary(max_size=5000), max_size=3 * BEHIND)


@given(pieces=PIECES)
def test_they_are_those_of_the_whole(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    running = RunningChecksums(crc64nvme)
    for piece in pieces:
        running.update(piece)

    assert running.finish() == (expected(whole), crc64nvme(whole, 0))
    assert checksums_of(pieces) == expected(whole)


@given(pieces=PIECES)
def test_without_md5_the_others_are_the_same(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    running = RunningChecksums(crc64nvme, has_md5=False)
    for piece in pieces:
        running.update(piece)

    assert running.finish() == (Stored(expected(whole).sha256, md5=""), crc64nvme(whole, 0))


def test_no_thread_outlives_them() -> None:
    before = set(threading.enumerate())
    running = RunningChecksums(crc64nvme)
    running.update(b"piece")
    assert set(threading.enumerate()) > before

    running.close()

    assert set(threading.enumerate()) <= before
