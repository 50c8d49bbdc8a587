"""Entries of a registered version: one found by two reads, all of them page by page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_backfill import entries as entries_module
from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.adapters.memory_objects import MemoryObjectReader, MemoryObjectWriter
from course_backfill.entries import VersionFiles
from course_backfill.errors import NotFound
from course_backfill.inventory import SourceObject
from course_backfill.manifests import EntriesSummary, Entry

PREFIX = "courses/course-v1:O+C+R/v1/"


def create_entry(path: str, *, kind: str = "asset") -> Entry:
    source = SourceObject(
        path=path,
        kind=kind,
        size=1,
        content_type="text/plain",
        source_id=path,
        upload_date=None,
        metadata={},
    )
    return Entry(source=source, key=path, version="v1", sha256="0" * 64, md5="0" * 32)


class CountingReader(MemoryObjectReader):
    """Counts the reads that were begun."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(bucket)
        self.reads: list[tuple[str, int, int | None]] = []

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        self.reads.append((key.rpartition("/")[2], start, end))
        return super().read(key, start=start, end=end)


def version_of(entries: list[Entry]) -> tuple[VersionFiles, CountingReader]:
    bucket = MemoryBucket("primary")
    writer = MemoryObjectWriter(bucket)
    summary = EntriesSummary()
    ordered = sorted(entries, key=lambda entry: entry.path.encode())
    content = b"".join(summary.add(entry) for entry in ordered)
    for name, body in (("entries.jsonl", content), ("index.json", summary.index_bytes())):
        digest = hashlib.sha256(body).hexdigest()
        writer.create(PREFIX + name, body, sha256=digest, content_type="application/json")
    reader = CountingReader(bucket)
    return VersionFiles(reader, PREFIX), reader


def all_pages(files: VersionFiles, **wanted: str) -> list[str]:
    paths: list[str] = []
    after: str | None = ""
    while after is not None:
        page = files.page(limit=7, after=after, **wanted)
        paths += [entry.path for entry in page.entries]
        after = page.after
    return paths


MANY = [create_entry(f"assets/{number:05d}.txt") for number in range(2_500)] + [
    create_entry(f"thumbnails/{number:05d}.jpg", kind="thumbnail") for number in range(700)
]


@pytest.mark.parametrize(
    "path", ["assets/00000.txt", "assets/00999.txt", "assets/01000.txt", "thumbnails/00699.jpg"]
)
def test_an_entry_is_found_by_two_reads_of_which_one_is_of_a_bounded_stretch(path: str) -> None:
    files, reader = version_of(MANY)
    assert files.find(path).path == path
    [(index, _, _), (entries, start, end)] = reader.reads
    assert (index, entries) == ("index.json", "entries.jsonl")
    assert end is not None
    assert end - start < 1_001 * len(MANY[0].to_line())


@pytest.mark.parametrize("path", ["assets/00000.tx", "assets/99999.txt", "a", "zzz", ""])
def test_a_path_without_entry_is_not_found(path: str) -> None:
    files, _ = version_of(MANY)
    with pytest.raises(NotFound):
        files.find(path)


def test_an_empty_version_has_no_entries() -> None:
    files, _ = version_of([])
    assert all_pages(files) == []
    with pytest.raises(NotFound):
        files.find("assets/a")


def test_a_kind_is_read_from_where_it_begins() -> None:
    files, reader = version_of(MANY)
    assert len(files.page(limit=10, kind="thumbnail").entries) == 10
    assert reader.reads[-1][1] > 0
    assert all_pages(files, kind="thumbnail", prefix="assets/") == []
    assert len(all_pages(files, kind="thumbnail", prefix="thumb")) == 700


def test_a_page_that_looked_at_enough_entries_ends_short_and_says_where_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entries_module, "MAX_SCANNED", 3)
    files, _ = version_of([create_entry(f"assets/{number}") for number in range(9)])
    page = files.page(limit=5, kind="transcript")
    assert (page.entries, page.after) == ([], "assets/2")
    assert all_pages(files, kind="transcript") == []
    assert len(all_pages(files)) == 9


names = st.text(st.sampled_from("ab/é\U0001f600 %_"), min_size=1, max_size=6)
paths = st.lists(names.map(lambda name: f"assets/{name}"), unique=True, max_size=30)


@settings(deadline=None)
@given(paths=paths, prefix=names)
def test_pages_together_are_all_entries_that_begin_so_and_each_is_found(
    paths: list[str], prefix: str
) -> None:
    files, _ = version_of([create_entry(path) for path in paths])
    ordered = sorted(paths, key=str.encode)
    assert all_pages(files) == ordered
    wanted = [path for path in ordered if path.startswith(f"assets/{prefix}")]
    assert all_pages(files, prefix=f"assets/{prefix}") == wanted
    for path in paths:
        assert files.find(path).path == path
