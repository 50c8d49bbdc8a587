"""Files as the platform stores them: the files document and the chunks of one save in Studio.

The product never writes to a source. The sample and the memory twin do, and this is their layout.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from course_backfill.adapters.contentstore.ids import OLD_TAG, SPLIT_PREFIX, RawId
from course_backfill.adapters.mongodb import Document
from course_backfill.courses import CourseId

CHUNK_BYTES = 255 * 1024

Digest = Literal["md5", "custom_md5"]
"""Which digest a files document holds: old drivers wrote `md5`, the platform now `custom_md5`."""


@dataclass(frozen=True, slots=True)
class PlatformFile:
    """A files document and the chunks that belong to it, in the order of their numbers."""

    document: Document
    chunks: list[bytes]


def file_id(course: CourseId, name: str, *, kind: str = "asset") -> RawId:
    """The `_id` of a course's file; of an old-form course in the platform's own key order."""
    if not course.is_old:
        stem = f"{course.org}+{course.course}+{course.run}"
        return f"{SPLIT_PREFIX}{stem}+type@{kind}+block@{name}"
    return location_of(course, name, kind)


def platform_file(
    course: CourseId,
    name: str,
    content: bytes,
    *,
    uploaded: datetime,
    kind: str = "asset",
    digest: Digest | None = "md5",
    chunk_bytes: int = CHUNK_BYTES,
    fields: Document | None = None,
) -> PlatformFile:
    """What one save writes; `fields` replaces or adds fields of the document, `_id` included."""
    raw_id = file_id(course, name, kind=kind)
    location = location_of(course, name, kind) | ({} if course.is_old else {"run": course.run})
    document: Document = {
        "_id": raw_id,
        "contentType": "application/octet-stream",
        "displayname": name,
        "chunkSize": chunk_bytes,
        "locked": False,
        "content_son": location,
        "filename": raw_id
        if isinstance(raw_id, str)
        else f"/{OLD_TAG}/{course.org}/{course.course}/{kind}/{name}",
        "length": len(content),
        "import_path": None,
        "uploadDate": uploaded,
        "thumbnail_location": None,
    }
    if digest:
        document[digest] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    chunks = [content[start : start + chunk_bytes] for start in range(0, len(content), chunk_bytes)]
    return PlatformFile(document | (fields or {}), chunks)


def location_of(course: CourseId, name: str, kind: str = "asset") -> dict[str, Any]:
    """The subdocument that is an old-form file's id, and the `content_son` of every file."""
    return {
        "category": kind,
        "name": name,
        "course": course.course,
        "tag": OLD_TAG,
        "org": course.org,
        "revision": None,
    }
