"""The spaces of inputs that rules are tried on: names, keys, documents, inventories."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from course_backfill.courses import CourseId
from course_backfill.inventory import KIND_FOLDERS, Fault, SourceObject
from course_backfill.manifests import Entry

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
AWKWARD = st.text(st.sampled_from("aA./%_\\é\u0301 \n\x00ß"), min_size=1, max_size=6)
NAMES = TEXT.filter(bool) | AWKWARD
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)

PARTS = st.from_regex(r"[\w\-~.:]{1,12}", fullmatch=True).filter(lambda part: part.strip("."))


@st.composite
def course_ids(draw: st.DrawFn, parts: st.SearchStrategy[str] = PARTS) -> CourseId:
    """Course keys of both forms."""
    is_old = draw(st.booleans())
    org, course, run = draw(parts), draw(parts), draw(parts)
    if is_old and org.startswith("course-v1:"):
        org = "Org"
    return CourseId(org, course, run, is_old=is_old)


@st.composite
def source_objects(draw: st.DrawFn, *, names: Any = NAMES, faults: bool = True) -> SourceObject:
    """Objects as the source may describe them, hostile names and odd documents included."""
    kind = draw(st.sampled_from(sorted(KIND_FOLDERS)))
    name = draw(names)
    metadata = draw(st.dictionaries(TEXT, JSON, max_size=3))
    if draw(st.booleans()):
        metadata["md5"] = draw(HEX)
    fault = draw(st.none() | st.builds(Fault, st.just("missing-chunk"), TEXT)) if faults else None
    return SourceObject(
        path=f"{KIND_FOLDERS[kind]}/{name}",
        kind=kind,
        size=draw(st.integers(-1, 2**40)),
        content_type=draw(st.none() | TEXT),
        source_id=draw(TEXT | st.dictionaries(TEXT, st.none() | TEXT, max_size=6)),
        upload_date=draw(st.none() | st.just("2026-01-31T08:15:00.123Z")),
        metadata=metadata,
        fault=fault,
    )


@st.composite
def entries(draw: st.DrawFn, *, names: Any = NAMES) -> Entry:
    """Entries of a version."""
    source = draw(source_objects(names=names, faults=False))
    return Entry(
        source=source,
        key=draw(TEXT),
        version=f"v{draw(st.integers(1, 999_999_999))}",
        sha256=draw(HEX) * 2,
        md5=draw(HEX),
        videos=tuple(draw(st.lists(TEXT, max_size=2))),
    )


@st.composite
def plain_objects(draw: st.DrawFn) -> SourceObject:
    """Objects of few paths and few states, so that two are often one path or one state."""
    name = draw(st.text(st.sampled_from("ab/.é"), min_size=1, max_size=2))
    kind = draw(st.sampled_from(sorted(KIND_FOLDERS)))
    number = draw(st.integers(0, 2))
    return SourceObject(
        path=f"{KIND_FOLDERS[kind]}/{name}",
        kind=kind,
        size=number,
        content_type=None,
        source_id=name,
        upload_date=None,
        metadata={"locked": draw(st.booleans())},
    )


def inventories(*, most: int = 12) -> st.SearchStrategy[list[SourceObject]]:
    """Sorted inventories in which every path is there once."""
    found = st.lists(plain_objects(), max_size=most, unique_by=lambda one: one.path)
    return found.map(lambda objects: sorted(objects, key=lambda one: one.sort_key))
