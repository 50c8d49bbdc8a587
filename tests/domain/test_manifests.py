"""Manifests: lines that lose nothing, an index that finds everything, the same bytes each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course_backfill import manifests
from course_backfill.failures import Failure
from course_backfill.inventory import Fault
from course_backfill.manifests import (
    EntriesIndex,
    EntriesSummary,
    Entry,
    LineTooLong,
    ManifestCourse,
    ManifestSource,
    ManifestTotals,
    StorageManifest,
    split_lines,
)
from tests.generators import create_entry, create_source_object
from tests.strategies import NAMES, entries

NAME_SETS = st.sets(NAMES, max_size=20)


def summarised(found: list[Entry]) -> tuple[EntriesSummary, bytes]:
    summary = EntriesSummary()
    return summary, b"".join(summary.add(entry) for entry in found)


def sorted_entries(names: set[str]) -> list[Entry]:
    return [
        create_entry(path) for path in sorted((f"assets/{name}" for name in names), key=str.encode)
    ]


@given(entries())
def test_an_entry_survives_the_round_trip_through_its_line(entry: Entry) -> None:
    line = entry.to_line()
    assert Entry.from_line(line) == entry
    assert Entry.from_line(line).to_line() == line
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


def test_an_entry_keeps_the_order_of_an_old_ids_keys() -> None:
    source_id = dict.fromkeys(["tag", "org", "course", "category", "name", "revision"], "x")
    again = Entry.from_line(create_entry(source_id=source_id).to_line())
    assert list(again.source.source_id) == list(source_id)


def test_an_entry_has_the_fields_of_the_contract() -> None:
    assert set(orjson.loads(create_entry().to_line())) == {
        "path", "key", "version", "size", "sha256", "md5", "contentType", "kind", "source",
        "metadata", "videos",
    }  # fmt: skip


@given(names=NAME_SETS, every=st.integers(1, 4), wanted=NAMES)
@example(names={"a", "b", "c"}, every=1, wanted="b")
def test_every_path_is_found_in_its_stretch_and_no_other_path_is_there(
    names: set[str], every: int, wanted: str
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manifests, "INDEX_EVERY", every)
        summary, content = summarised(sorted_entries(names))
    index = EntriesIndex.from_bytes(summary.index_bytes())
    for name in [*names, wanted]:
        start, end = index.stretch_from(f"assets/{name}")
        lines = list(split_lines(iter([content[start:end]])))
        assert len(lines) <= every
        found = [entry for entry in map(Entry.from_line, lines) if entry.path == f"assets/{name}"]
        assert len(found) == (name in names)


def test_the_index_grows_by_one_pair_per_thousand_entries() -> None:
    summary, _ = summarised([create_entry(f"assets/{number:05d}") for number in range(2_001)])
    assert [path for path, _ in summary.index] == ["assets/00000", "assets/01000", "assets/02000"]


def test_the_index_of_no_entries_finds_nothing_and_fails_nothing() -> None:
    index = EntriesIndex.from_bytes(EntriesSummary().index_bytes())
    assert index.stretch_from("assets/a") == (0, 0)


@given(NAME_SETS)
def test_a_summary_is_a_function_of_its_entries(names: set[str]) -> None:
    found = sorted_entries(names)
    one, content = summarised(found)
    other, again = summarised([Entry.from_line(entry.to_line()) for entry in found])
    assert content == again
    assert one.entries_sha256 == other.entries_sha256 == hashlib.sha256(content).hexdigest()
    assert one.index_bytes() == other.index_bytes()
    assert one.manifest_totals() == other.manifest_totals()


def test_totals_count_objects_and_bytes_by_kind() -> None:
    found = [
        create_entry("assets/a", b"12345"),
        create_entry("assets/b", b""),
        create_entry("thumbnails/a", b"123"),
    ]
    summary, _ = summarised(found)
    assert summary.manifest_totals() == ManifestTotals(
        objects=3,
        bytes=8,
        by_kind={"asset": {"objects": 2, "bytes": 5}, "thumbnail": {"objects": 1, "bytes": 3}},
    )


@given(content=st.binary(max_size=60).map(lambda some: some.replace(b"a", b"\n")), data=st.data())
def test_lines_are_split_alike_whatever_the_blocks(content: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    bounds = [0, *cuts, len(content)]
    blocks = [content[one:other] for one, other in pairwise(bounds)]
    lines = list(split_lines(iter(blocks)))
    assert b"".join(lines) == content
    assert all(line.endswith(b"\n") for line in lines[:-1])
    assert all(line.count(b"\n") <= 1 and line for line in lines)


def manifest(**fields: Any) -> StorageManifest:
    defaults: dict[str, Any] = {
        "course": ManifestCourse(id="course-v1:O+C+R", version="v2"),
        "ingest": "ingest-1",
        "created_date": "2026-03-02T08:00:00.000Z",
        "source": ManifestSource(provider="mongodb", database="edxapp", fingerprints={}),
        "totals": ManifestTotals(),
        "removed": 0,
        "exceptions": (),
        "previous_version": None,
        "entries_sha256": "0" * 64,
    }
    return StorageManifest(**(defaults | fields))


def test_a_manifest_survives_the_round_trip_and_has_the_same_bytes_each_time() -> None:
    bad = Failure.of_object(
        create_source_object(source_id={"tag": "c4x", "org": "O", "revision": None}),
        Fault("digest-mismatch", "the bytes differ"),
        stage="replicating",
    )
    written = manifest(exceptions=(bad,))
    read = StorageManifest.model_validate_json(written.to_bytes())
    assert read == written
    assert read.to_bytes() == written.to_bytes()
    assert list(read.exceptions[0].source_id) == ["tag", "org", "revision"]


def test_a_manifest_says_that_there_was_no_previous_version() -> None:
    assert orjson.loads(manifest().to_bytes())["previousVersion"] is None


def test_a_manifest_says_what_and_never_where() -> None:
    assert set(orjson.loads(manifest().to_bytes())) == {
        "type", "course", "ingest", "createdDate", "source", "totals", "removed", "exceptions",
        "previousVersion", "entriesSha256",
    }  # fmt: skip


@given(st.lists(st.binary(max_size=12)))
def test_lines_do_not_depend_on_the_blocks_they_come_in(blocks: list[bytes]) -> None:
    lines = list(split_lines(iter(blocks)))
    assert b"".join(lines) == b"".join(blocks)
    assert all(line.endswith(b"\n") for line in lines[:-1])
    assert all(line and b"\n" not in line[:-1] for line in lines)


def test_what_has_no_lines_is_given_up_before_it_is_held() -> None:
    taken = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1_000):
            taken += 1
            yield b"x" * 10

    with pytest.raises(LineTooLong):
        list(split_lines(blocks(), longest=95))
    assert taken == 10
