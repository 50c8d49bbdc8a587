"""The whole-object checksum of S3: CRC64NVME, which parts and wholes can both be checked by."""

from __future__ import annotations

import base64
from collections.abc import Callable

Crc64 = Callable[[bytes, int], int]
"""(bytes, the value of the bytes before them or 0) → the value with them."""


def crc_text(value: int) -> str:
    """The form in which S3 takes and gives it: base64 of the eight bytes, highest first."""
    return base64.b64encode(value.to_bytes(8, "big")).decode()
