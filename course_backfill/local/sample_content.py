"""Made-up file contents for the sample: small pictures, texts and subtitles, from a generator."""

from __future__ import annotations

import json
import struct
import zlib
from random import Random

_WORDS = ("soil", "seed", "leaf", "root", "water", "light", "stem", "bloom", "frost", "shade")


def noise(random: Random, size: int) -> bytes:
    """So many random bytes; the generator itself makes at most 256 MiB at a time."""
    piece = 64 * 1024 * 1024
    sizes = (min(piece, size - start) for start in range(0, size, piece))
    return b"".join(random.randbytes(length) for length in sizes)


def text(random: Random, words: int = 60) -> bytes:
    """Some lines of words."""
    chosen = random.choices(_WORDS, k=words)
    lines = (" ".join(chosen[start : start + 8]) for start in range(0, words, 8))
    return ("\n".join(lines) + "\n").encode()


def png(random: Random, side: int = 80) -> bytes:
    """A square picture of random colours that any viewer shows."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + random.randbytes(3 * side) for _ in range(side))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(name, data) for name, data in chunks)


def svg(random: Random) -> bytes:
    """A drawing of three circles."""
    circles = (
        f'<circle cx="{random.randint(10, 90)}" cy="{random.randint(10, 90)}" r="9"/>'
        for _ in range(3)
    )
    drawing = "".join(circles)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{drawing}</svg>'.encode()


def thumbnail(random: Random) -> bytes:
    """The size and the first and last bytes of a JPEG thumbnail; nothing reads the rest."""
    return b"\xff\xd8\xff\xe0" + random.randbytes(random.randint(1_500, 3_000)) + b"\xff\xd9"


def document(random: Random, size: int) -> bytes:
    """So many bytes that begin as a PDF does."""
    return (b"%PDF-1.4\n" + noise(random, size))[:size]


def video(random: Random, size: int) -> bytes:
    """So many bytes that begin as an MP4 does."""
    return (b"\0\0\0\x18ftypmp42" + noise(random, size))[:size]


def srt(random: Random, lines: int = 6) -> bytes:
    """Subtitles of a sentence every four seconds."""
    spoken = (" ".join(random.choices(_WORDS, k=5)) for _ in range(lines))
    return "\n".join(
        f"{number + 1}\n00:00:{4 * number:02},000 --> 00:00:{4 * number + 3:02},500\n{line}\n"
        for number, line in enumerate(spoken)
    ).encode()


def sjson(random: Random, lines: int = 6) -> bytes:
    """The same in the platform's own form."""
    starts = [4_000 * number for number in range(lines)]
    spoken = [" ".join(random.choices(_WORDS, k=5)) for _ in range(lines)]
    fields = {"start": starts, "end": [start + 3_500 for start in starts], "text": spoken}
    return json.dumps(fields, indent=2).encode()


def _png_chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return len(data).to_bytes(4, "big") + name + data + check.to_bytes(4, "big")
