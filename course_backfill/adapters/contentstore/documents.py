"""Files documents as source objects: nothing is dropped, what cannot be used carries a fault."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from course_backfill.adapters.contentstore.course_keys import SHOWN_CHARACTERS
from course_backfill.adapters.contentstore.extended_json import escaped, is_text, to_json
from course_backfill.adapters.contentstore.ids import read_id
from course_backfill.clock import to_text
from course_backfill.inventory import KIND_FOLDERS, Fault, SourceObject

_UNKNOWN = "unknown"


def describe(document: dict[str, Any]) -> SourceObject:
    """What a files document says; `fault` holds the first thing that makes it unusable."""
    raw_id = document["_id"]
    size = _whole(document.get("length"), at_least=0)
    uploaded, content_type = document.get("uploadDate"), document.get("contentType")
    held: set[str] = {"_id"}
    if size is not None:
        held.add("length")
    if isinstance(uploaded, datetime):
        held.add("uploadDate")
    if isinstance(content_type, str):
        held.add("contentType")
    found = read_id(raw_id)
    source_id = to_json(raw_id)
    described = SourceObject(
        path=found.path if found else _path_of_no_id(str(source_id)),
        kind=found.kind if found and found.kind in KIND_FOLDERS else _UNKNOWN,
        size=-1 if size is None else size,
        content_type=content_type if isinstance(content_type, str) else None,
        source_id=source_id,
        upload_date=to_text(uploaded) if isinstance(uploaded, datetime) else None,
        metadata={name: to_json(document[name]) for name in document if name not in held},
        fault=_fault(document, kind=found.kind if found else None),
    )
    return described if is_text(described.to_dict()) else _as_text(described)


def unreadable(found: SourceObject) -> Fault | None:
    """The fault that leaves nothing to read, the document itself being of no use; or None."""
    is_about_document = found.fault and found.fault.code in {"invalid-document", "unknown-kind"}
    return found.fault if is_about_document else None


def chunk_size_of(found: SourceObject) -> int | None:
    """The length of all its chunks but the last; None where the document has no usable one."""
    return _whole(found.metadata.get("chunkSize"), at_least=1)


def _path_of_no_id(shown: str) -> str:
    """What is no id may be of any length; its hash keeps two that begin alike apart."""
    if len(shown) > SHOWN_CHARACTERS:
        digest = hashlib.sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()
        shown = f"{shown[:SHOWN_CHARACTERS]}… {digest}"
    return f"{_UNKNOWN}/{shown}"


def _fault(document: dict[str, Any], *, kind: str | None) -> Fault | None:
    if kind is None:
        return Fault("invalid-document", "the document's _id is not an id of the contentstore")
    length = _whole(document.get("length"), at_least=0)
    if length is None:
        return Fault("invalid-document", _unusable("length", document))
    if length and _whole(document.get("chunkSize"), at_least=1) is None:
        return Fault("invalid-document", _unusable("chunkSize", document))
    if kind not in KIND_FOLDERS:
        return Fault("unknown-kind", f"the kind {escaped(kind)!a} is neither asset nor thumbnail")
    return None


def _unusable(field: str, document: dict[str, Any]) -> str:
    if field not in document:
        return f"the document has no {field}"
    return f"the document's {field} is {str(document[field])[:40]!a}, not a usable number"


def _whole(value: Any, *, at_least: int) -> int | None:
    """Numbers that went through a JavaScript shell are doubles: whole ones count."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    return int(value) if value >= at_least else None


def _as_text(described: SourceObject) -> SourceObject:
    """The object with what is no UTF-8 escaped, so that it can be listed, and with that fault."""
    fields = described.to_dict()
    spoilt = [name for name, value in described.metadata.items() if not is_text({name: value})]
    named = ["_id"] * (not is_text(described.source_id)) + spoilt or ["contentType"]
    detail = f"not valid UTF-8: {', '.join(escaped(name) for name in named)}"
    fields["fault"] = {"code": "invalid-document", "detail": detail}
    return SourceObject.from_dict(escaped(fields))
