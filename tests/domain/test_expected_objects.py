"""What a location must hold: each object once, beside what is there, proven by the register."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill import sorting
from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.adapters.memory_objects import MemoryObjectReader
from course_backfill.copies.expected_objects import (
    ExpectedObject,
    ManifestsDisagree,
    distinct,
    listed_fault,
)
from course_backfill.copies.placements import Placement
from course_backfill.copies.replica_planning import MAX_FAULTS, UncopiableObjects, joined
from course_backfill.copies.version_objects import ManifestDamaged, version_objects
from course_backfill.courses import Version
from course_backfill.errors import NotFound
from course_backfill.inventory import Fault
from course_backfill.locations import Location
from course_backfill.manifests import EntriesSummary, Entry
from course_backfill.ports import ObjectStat
from tests.generators import COURSE, create_entry
from tests.strategies import TEXT

KEYS = st.text(st.sampled_from("ab/é\U0001f600"), min_size=1, max_size=3)
OBJECTS = st.builds(
    ExpectedObject,
    key=TEXT,
    size=st.integers(0, 2**40),
    sha256=TEXT,
    content_type=TEXT,
    md5=st.none() | TEXT,
    etag=st.none() | TEXT,
    archive=st.none() | st.just("GLACIER"),
    is_present=st.booleans(),
    source=st.none() | st.just("primary"),
    damaged_etag=st.none() | TEXT,
    damaged_sha256=st.none() | TEXT,
)


def wanted(key: str, sha256: str = "0", **fields: Any) -> ExpectedObject:
    defaults: dict[str, Any] = {"size": 1, "content_type": "text/plain"}
    return ExpectedObject(key=key, sha256=sha256, **(defaults | fields))


@given(OBJECTS)
def test_an_expected_object_survives_its_file(one: ExpectedObject) -> None:
    line = one.to_line()
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert ExpectedObject.from_line(line) == one


@given(
    st.builds(
        Placement,
        expected=OBJECTS,
        fault=st.none() | st.builds(Fault, TEXT, TEXT),
        etag=st.none() | TEXT,
        sha256=st.none() | TEXT,
        is_unread=st.booleans(),
    )
)
def test_a_placement_survives_its_file(one: Placement) -> None:
    assert Placement.from_line(one.to_line()) == one


@pytest.mark.parametrize(
    ("key", "is_manifest_file"),
    [
        ("courses/c/v1/manifest.json", True),
        ("courses/c/v1/entries.jsonl", True),
        ("courses/c/v1/index.json", True),
        ("courses/c/v1/assets/manifest.json", False),
        ("courses/c/v1/assets/deep/er/index.json", False),
        ("courses/c/v1/other.json", False),
    ],
)
def test_a_manifest_file_lies_directly_below_its_version(key: str, is_manifest_file: bool) -> None:
    assert wanted(key).is_manifest_file == is_manifest_file
    assert wanted(key).version == "v1"


@given(keys=st.lists(KEYS, max_size=20), run=st.integers(1, 5))
def test_each_object_is_there_once_in_the_order_of_the_bytes_of_keys(
    keys: list[str], run: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sorting, "RUN_RECORDS", run)
        found = list(distinct(wanted(key, sha256=key) for key in keys))
    assert [one.key for one in found] == sorted(set(keys), key=str.encode)
    assert all(one.sha256 == one.key for one in found)


def test_versions_may_share_an_object_whatever_type_they_say_it_is() -> None:
    first = wanted("a", content_type="text/plain")
    other = replace(first, content_type="text/html")
    assert [one.key for one in distinct([first, other, first])] == ["a"]


@pytest.mark.parametrize("fields", [{"sha256": "1"}, {"size": 2}])
def test_versions_that_disagree_about_a_key_are_refused(fields: dict[str, Any]) -> None:
    one = wanted("a")
    with pytest.raises(ManifestsDisagree, match="'a'"):
        list(distinct([wanted("b"), one, replace(one, **fields)]))


SIZES = st.dictionaries(KEYS, st.integers(0, 2), max_size=8)


def listing(sizes: dict[str, int]) -> list[ObjectStat]:
    return [ObjectStat(key=key, size=sizes[key]) for key in sorted(sizes, key=str.encode)]


@given(expected=st.sets(KEYS, max_size=8), first=SIZES, second=SIZES)
def test_expected_objects_are_joined_with_listings_as_dictionaries_are(
    expected: set[str], first: dict[str, int], second: dict[str, int]
) -> None:
    keys = sorted(expected, key=str.encode)
    found = joined(map(wanted, keys), listing(first), listing(second))
    assert [(one.key, left and left.size, right and right.size) for one, left, right in found] == [
        (key, first.get(key), second.get(key)) for key in keys
    ]


def test_what_a_listing_lacks_or_has_otherwise_is_named() -> None:
    one = wanted("courses/c/v1/assets/a", size=5)
    assert listed_fault(one, None).code == "object-missing"
    other = listed_fault(one, ObjectStat(key=one.key, size=4))
    assert other.code == "fixity-mismatch"
    assert "4 bytes" in other.detail


def test_of_many_uncopiable_objects_all_are_counted_and_the_first_are_kept() -> None:
    uncopiable = UncopiableObjects()
    for number in range(MAX_FAULTS + 5):
        uncopiable.add(str(number), Fault("object-missing", ""))
    assert uncopiable.count == MAX_FAULTS + 5
    assert [key for key, _ in uncopiable.first] == [str(number) for number in range(MAX_FAULTS)]


class Stored:
    """A registered version of some entries, as its location holds it."""

    def __init__(self, *entries: Entry, prefix: str = "copies/") -> None:
        self.bucket = MemoryBucket()
        self.location = Location(bucket="some-bucket", prefix=prefix)
        summary = EntriesSummary()
        lines = b"".join(map(summary.add, entries))
        files = {"entries.jsonl": lines, "index.json": summary.index_bytes(), "manifest.json": b"m"}
        for name, content in files.items():
            self.put(name, content)
        self.version = Version(
            course=str(COURSE),
            id="v2",
            ingest="i",
            created_date="",
            objects=len(entries),
            bytes=0,
            stored_objects=0,
            stored_bytes=0,
            exceptions=0,
            manifest_key="",
            manifest_sha256=hashlib.sha256(b"m").hexdigest(),
            entries_sha256=hashlib.sha256(lines).hexdigest(),
            fingerprints={},
        )

    def put(self, name: str, content: bytes) -> None:
        """Stores a manifest file, whatever was there."""
        self.bucket.store(self.location.version_prefix(COURSE, "v2") + name, content)

    def read(self) -> dict[str, ExpectedObject]:
        """Key below the location's prefix → what its manifest files say."""
        reader = MemoryObjectReader(self.bucket)
        found = list(version_objects(reader, self.location, self.version))
        assert len({one.key for one in found}) == len(found)
        return {one.key: one for one in found}


def test_a_version_is_its_entries_and_its_three_manifest_files() -> None:
    earlier = replace(create_entry("assets/old", b"old!"), version="v1")
    entry = replace(create_entry("assets/new", b"new", content_type=None), version="v2")
    stored = Stored(earlier, entry)
    found = stored.read()
    below = f"courses/{COURSE}/"
    assert set(found) == {
        f"{below}v1/assets/old",
        f"{below}v2/assets/new",
        f"{below}v2/entries.jsonl",
        f"{below}v2/index.json",
        f"{below}v2/manifest.json",
    }
    new = found[f"{below}v2/assets/new"]
    assert (new.size, new.sha256) == (3, hashlib.sha256(b"new").hexdigest())
    assert new.content_type == "application/octet-stream"
    reader = MemoryObjectReader(stored.bucket)
    for name in ("entries.jsonl", "index.json", "manifest.json"):
        one = found[f"{below}v2/{name}"]
        content = b"".join(reader.read(f"copies/{one.key}"))
        assert (one.size, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert (one.content_type, one.is_manifest_file) == ("application/json", True)


def test_the_md5_of_every_object_of_a_version_is_known() -> None:
    entry = replace(create_entry("assets/new", b"new"), version="v2")
    stored = Stored(entry)
    for key, one in stored.read().items():
        found = stored.bucket.latest(stored.location.prefix + key)
        content = b"new" if found is None else found.content or b""
        assert one.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("md5", "etag", "is_proven"),
    [
        ("ab12", '"ab12"', True),
        ("ab12", '"ab13"', False),
        ("ab12", '"ab12-1"', False),
        ("ab12", None, False),
        (None, '"ab12"', False),
    ],
)
def test_an_etag_proves_what_it_is_the_md5_of(
    md5: str | None, etag: str | None, is_proven: bool
) -> None:
    assert wanted("a", md5=md5, etag=etag).is_proven_by_etag is is_proven


def test_a_version_without_entries_is_its_manifest_files() -> None:
    assert len(Stored().read()) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json\n",
        b"[]\n",
        b"3\n",
        b"{}\n",
        create_entry("assets/a").to_line()[:-2],
        create_entry("assets/a").to_line().replace(b'"asset"', b"[]"),
        create_entry("assets/a").to_line().replace(b'"size":5', b'"size":"5"'),
        create_entry("assets/a").to_line().replace(b'"size":5', b'"size":6'),
        create_entry("assets/a").to_line() * 2,
        b"\xff\xfe\n",
    ],
)
def test_entries_that_were_not_registered_are_damage_whatever_they_are(content: bytes) -> None:
    stored = Stored(create_entry("assets/a"))
    stored.put("entries.jsonl", content)
    with pytest.raises(ManifestDamaged, match=r"entries\.jsonl"):
        stored.read()


def test_a_manifest_that_was_not_registered_is_damage() -> None:
    stored = Stored(create_entry("assets/a"))
    stored.put("manifest.json", b"M")
    with pytest.raises(ManifestDamaged, match=r"manifest\.json"):
        stored.read()


@pytest.mark.parametrize("name", ["entries.jsonl", "manifest.json"])
def test_a_manifest_file_that_is_gone_is_not_found(name: str) -> None:
    stored = Stored(create_entry("assets/a"))
    stored.bucket.mark_deleted(stored.location.version_prefix(COURSE, "v2") + name)
    with pytest.raises(NotFound, match=name):
        stored.read()
