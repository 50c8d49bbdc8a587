"""Header values out of names and types that anyone may have written."""

from __future__ import annotations

import re
from urllib.parse import quote

ANY_BYTES = "application/octet-stream"

_VISIBLE = re.compile(r"[!-~]([ -~]*[!-~])?")
_MAX_CONTENT_TYPE = 512


def sendable_content_type(content_type: str) -> str:
    """The content type as a header may carry it; `application/octet-stream` where none can.

    Runs of blanks become one, since signers disagree on them. What the source said of the object
    stays in its entry, whatever is sent.
    """
    single_spaced = re.sub(r"[ \t]+", " ", content_type).strip(" ")
    if len(single_spaced) > _MAX_CONTENT_TYPE or not _VISIBLE.fullmatch(single_spaced):
        return ANY_BYTES
    return single_spaced


def attachment(file_name: str) -> str:
    """A Content-Disposition that saves under this name (RFC 6266), with an ASCII stand-in."""
    stand_in = re.sub(r"[^A-Za-z0-9._ -]", "_", file_name)[:255]
    return f"attachment; filename=\"{stand_in}\"; filename*=UTF-8''{quote(file_name, safe='')}"
