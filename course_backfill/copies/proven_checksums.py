"""Proven checksums: what S3 must have stored of an entry's bytes, told by a copy that has them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.places import Place
from course_backfill.crc import Crc64, crc_text


def proven_crc64(
    place: Place, one: ExpectedObject, *, crc64: Crc64, check: Callable[[], None]
) -> str | None:
    """The whole's CRC64NVME, base64, if the place has the entry's bytes, all of which are read.

    The one that S3 stores says nothing of the entry: it is of whatever was sent. None where the
    place has other bytes. Raises what the reader and `check` raise, NotFound and ObjectCold too.
    """
    sha256, crc, size = hashlib.sha256(), 0, 0
    for block in place.reader.read(place.location.prefix + one.key):
        check()
        sha256.update(block)
        crc = crc64(block, crc)
        size += len(block)
        if size > one.size:
            return None
    return crc_text(crc) if sha256.hexdigest() == one.sha256 else None
