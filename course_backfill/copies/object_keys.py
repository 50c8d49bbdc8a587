"""Names to keys: byte-exact where S3 allows it, injective always."""

from __future__ import annotations

import hashlib
import re

DEFAULT_TYPE = "application/octet-stream"
"""Of an object whose source names no content type."""

MAX_KEY_BYTES = 896
"""A location's prefix takes at most 128 bytes more; S3 allows 1,024 in all."""

# Besides what S3 or its tools treat specially, `%` itself is encoded, which makes it reversible.
# U+FFFE and U+FFFF cannot be written in XML, in which S3 lists, deletes and begins uploads.
_UNSAFE = re.compile(r"[%\\\x00-\x1f\x7f-\x9f\ufffe\uffff]")
# Browsers and many clients resolve these segments of a URL, and would ask for another object.
_DOT_SEGMENT = re.compile(r"(?<![^/])\.{1,2}(?![^/])")


def relative_key(path: str, *, version_prefix: str) -> str:
    """The key of an entry below its version's prefix.

    `path` is `{folder}/{name}`; `version_prefix` is the prefix without the location's own part,
    because whether a key is too long must not depend on the location. Two paths of one version
    never share a key.
    """
    folder, _, name = path.partition("/")
    encoded = f"{folder}/{encode_name(name)}"
    if len((version_prefix + encoded).encode()) <= MAX_KEY_BYTES:
        return encoded
    return f"{folder}/_long/{hashlib.sha256(name.encode()).hexdigest()}"


def version_of(key: str) -> str:
    """The version whose prefix a key lies below; the key is without the location's own part."""
    return key.split("/", 3)[2]


def encode_name(name: str) -> str:
    """Percent-encodes `%`, control characters, backslash, a leading `_`, and `.` and `..` segments.

    A leading `_` is encoded so that no name can pose as `_long/…`. Nothing is normalised: NFC and
    NFD twins stay two keys.
    """
    encoded = _DOT_SEGMENT.sub(_percent, _UNSAFE.sub(_percent, name))
    return "%5F" + encoded[1:] if encoded.startswith("_") else encoded


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode())
