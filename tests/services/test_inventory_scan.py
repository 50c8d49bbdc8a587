"""One pass over an inventory: totals, packets, the largest, and what a dry run points out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from course_backfill.copies.object_keys import MAX_KEY_BYTES
from course_backfill.courses import CourseId
from course_backfill.inventory import Fault, Fingerprints, SourceObject
from course_backfill.plan_reports import LARGEST
from services.planner.inventory_scan import (
    InventoryScan,
    Tally,
    failure,
    warning,
    warnings,
)
from tests.generators import COURSE, create_source_object
from tests.strategies import inventories

MD5 = {"md5": "0" * 32}


def scanned(objects: list[SourceObject]) -> InventoryScan:
    scan = InventoryScan()
    assert list(scan.passing(objects)) == objects
    return scan


@given(inventories())
def test_totals_are_the_sums_of_the_objects(objects: list[SourceObject]) -> None:
    scan = scanned(objects)
    assert scan.objects == len(objects)
    assert scan.bytes == sum(one.size for one in objects)
    assert sum(kind["objects"] for kind in scan.by_kind.values()) == len(objects)
    assert sum(kind["bytes"] for kind in scan.by_kind.values()) == scan.bytes
    assert set(scan.by_kind) == {one.kind for one in objects}


@given(inventories())
def test_packets_are_ranges_of_the_inventory_file(objects: list[SourceObject]) -> None:
    content = b"".join(one.to_line() for one in objects)
    scan = InventoryScan()
    found = []
    for packet in scan.packets(objects):
        lines = content[packet.offset : packet.offset + packet.length].splitlines(keepends=True)
        assert len(lines) == packet.objects
        found += [SourceObject.from_line(line) for line in lines]
    assert found == objects
    assert scan.objects == len(objects)


@given(inventories())
def test_the_summary_has_the_fingerprints_of_the_inventory(objects: list[SourceObject]) -> None:
    running = Fingerprints()
    for one in objects:
        running.add(one)
    summary = scanned(objects).summary("key", database="edxapp", taken_date="today")
    assert summary.fingerprints == running.hexdigests()
    assert (summary.objects, summary.key, summary.taken_date) == (len(objects), "key", "today")


def test_the_largest_come_first_and_are_few() -> None:
    objects = [create_source_object(f"assets/{n:02d}", size=n % 20) for n in range(40)]
    largest = scanned(objects).largest()
    assert len(largest) == LARGEST
    assert [one.size for one in largest] == [19, 19, 18, 18, 17, 17, 16, 16, 15, 15]


def test_an_object_without_a_usable_length_counts_no_bytes_but_is_at_fault() -> None:
    odd = create_source_object(size=-1, fault=Fault("invalid-document", "no length"))
    scan = scanned([odd, create_source_object("assets/b", size=3)])
    assert (scan.objects, scan.bytes, scan.faults) == (2, 3, 1)
    assert [one.size for one in scan.largest()] == [3, 0]


def codes(found: SourceObject, course: CourseId = COURSE) -> list[str]:
    return [one.code for one in warnings(found, course)]


def test_an_ordinary_object_gives_no_warning() -> None:
    assert codes(create_source_object(metadata=MD5)) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"metadata": {}}, "no-digest"),
        ({"content_type": None}, "no-content-type"),
        ({"content_type": ""}, "no-content-type"),
    ],
)
def test_what_a_document_lacks_is_pointed_out(fields: dict[str, Any], code: str) -> None:
    assert codes(create_source_object(**({"metadata": MD5} | fields))) == [code]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("100%.txt", ["encoded-key"]),
        ("_long", ["encoded-key"]),
        ("..", ["encoded-key"]),
        ("a/_long/b", []),
        ("a b (é).txt", []),
        ("n" * MAX_KEY_BYTES, ["hashed-key"]),
    ],
)
def test_a_key_that_is_not_the_name_is_pointed_out(name: str, expected: list[str]) -> None:
    assert codes(create_source_object(f"assets/{name}", metadata=MD5)) == expected


def test_warnings_fail_nothing_and_name_their_object() -> None:
    found = create_source_object(metadata={})
    [pointed_out] = warnings(found, COURSE)
    assert pointed_out.severity == "warning"
    assert (pointed_out.path, pointed_out.source_id) == (found.path, found.source_id)


def test_a_tally_counts_failures_apart_from_warnings_while_they_pass() -> None:
    bad = failure(create_source_object(), Fault("missing-chunk", "chunk 0"))
    passing = [bad, warning("shared-file", None, "shared"), bad]
    tally = Tally()
    assert list(tally.counting(passing)) == passing
    assert tally.failures == 2
    assert tally.codes == {"missing-chunk": 2, "shared-file": 1}
