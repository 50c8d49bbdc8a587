"""Repairs: the next ingest mends what an audit found, from what the same audit found good."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from course_backfill.errors import SourceUnavailable
from course_backfill.ingests import IngestStatus
from course_backfill.manifests import MANIFEST_FILES
from tests.services.audit_world import FILES, AuditWorld
from tests.services.location_world import ARCHIVE, FAR, LARGE, PRIMARY, SECOND, code

pytestmark = pytest.mark.usefixtures("small_packets")


def unavailable(verb: str) -> None:
    """MongoDB does not answer."""
    raise SourceUnavailable(f"MongoDB does not answer to {verb}")


def test_the_next_ingest_replaces_what_is_altered_and_creates_what_is_missing() -> None:
    world = AuditWorld()
    before = world.objects("primary")
    world.alter("assets/1.txt")
    world.remove("assets/2.txt")
    world.remove("assets/3.txt", location="second")
    audit = world.audit()
    assert world.course.damaged == 3
    ingest = world.repaired()
    assert (ingest.version, ingest.repairs) == (None, audit.id)
    assert world.objects("primary") == world.objects("second") == before
    assert world.replaced() == [("primary", world.key("assets/1.txt"))]
    assert world.course.damaged == 0
    assert world.replica("primary").audit == audit.id
    assert world.course.active_ingest is None
    assert world.found(world.audit()) == set()


def test_each_repair_is_an_event_that_names_location_origin_and_both_hashes() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", b"rotten")
    world.alter("assets/2.txt", b"spoilt")
    world.remove("assets/3.txt")
    world.audit()
    events = {one.object: one for one in world.events(world.repaired(), "repair")}
    prefix = world.key("assets/")
    assert set(events) == {prefix + name for name in ("1.txt", "2.txt", "3.txt")}
    altered = events[prefix + "1.txt"]
    assert altered.replica == "primary"
    assert "from second" in altered.description
    assert sha256(b"rotten").hexdigest() in altered.description
    assert sha256(FILES["1.txt"]).hexdigest() in altered.description
    assert "missing" in events[prefix + "3.txt"].description


@pytest.mark.parametrize("is_missing", [True, False])
@pytest.mark.parametrize("name", MANIFEST_FILES)
def test_manifest_files_are_repaired_like_all_others(name: str, is_missing: bool) -> None:
    world = AuditWorld(PRIMARY, ARCHIVE)
    before = world.objects("archive")
    for location, other in (("primary", name), ("archive", "assets/1.txt")):
        if is_missing:
            world.remove(other, location=location)
        else:
            world.alter(other, location=location)
    world.audit()
    world.repaired()
    assert world.objects("primary") == world.objects("archive") == before
    stat = world.buckets["archive"].stat(world.key("assets/1.txt", location="archive"))
    assert stat is not None
    assert stat.storage_class == "DEEP_ARCHIVE"


@pytest.mark.parametrize("is_missing", [True, False])
@pytest.mark.parametrize("target", [SECOND, FAR, ARCHIVE])
def test_large_objects_are_repaired_in_every_kind_of_location(
    target: dict[str, Any], is_missing: bool
) -> None:
    world = AuditWorld(PRIMARY, target, files={"large.bin": LARGE, "1.txt": b"one"})
    before = world.objects(target["id"])
    if is_missing:
        world.remove("assets/large.bin", location=target["id"])
    else:
        world.alter("assets/large.bin", location=target["id"])
    world.audit()
    world.repaired()
    assert world.objects(target["id"]) == before
    assert world.found(world.audit()) == set()


def test_damage_in_every_location_is_told_and_the_rest_is_repaired() -> None:
    world = AuditWorld()
    for location in ("primary", "second"):
        world.alter("assets/1.txt", location=location)
    world.alter("assets/2.txt")
    world.audit()
    ingest = world.backfill()
    assert code(ingest) == "no-good-replica"
    assert world.found(ingest) == {
        (location, "1.txt", "no-good-replica") for location in ("primary", "second")
    }
    assert world.objects("primary")[world.key("assets/2.txt")] == FILES["2.txt"]
    assert world.objects("primary")[world.key("assets/1.txt")] == b"rotten"
    assert (world.course.damaged, world.replica("primary").beyond_repair) == (2, 1)


def test_what_is_beyond_repair_does_not_keep_later_versions_from_the_course() -> None:
    world = AuditWorld()
    for location in ("primary", "second"):
        world.alter("assets/1.txt", location=location)
    world.audit()
    assert code(world.backfill()) == "no-good-replica"
    world.save("new.txt", b"new")
    assert world.backfill().version == "v2"
    assert world.course.damaged == 2
    world.audit()
    assert world.replica("primary").beyond_repair == 0


def test_nothing_is_repaired_from_a_location_that_the_audit_did_not_look_at() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.audit(locations=("primary",))
    assert code(world.backfill()) == "no-good-replica"
    assert world.replaced() == []
    world.audit()
    world.repaired()
    assert world.objects("primary")[world.key("assets/1.txt")] == FILES["1.txt"]


def test_a_good_copy_that_was_damaged_after_the_audit_repairs_nothing() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", b"rotten")
    world.remove("assets/2.txt")
    world.audit()
    same_size = bytes(len(FILES["1.txt"]))
    world.alter("assets/1.txt", same_size, location="second")
    world.alter("assets/2.txt", bytes(len(FILES["2.txt"])), location="second")
    ingest = world.backfill()
    assert code(ingest) == "source-copy-damaged"
    assert world.objects("primary")[world.key("assets/1.txt")] == b"rotten"
    assert world.key("assets/2.txt") not in world.objects("primary")
    assert world.course.damaged == 2


def test_what_was_written_since_the_audit_is_left_alone_and_told() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", b"rotten")
    world.remove("assets/2.txt")
    world.audit()
    world.alter("assets/1.txt", b"other")
    world.alter("assets/2.txt", b"else")
    ingest = world.backfill()
    assert code(ingest) == "changed-since-audit"
    assert world.objects("primary")[world.key("assets/1.txt")] == b"other"
    assert world.objects("primary")[world.key("assets/2.txt")] == b"else"
    world.audit()
    world.repaired()
    assert world.objects("primary") == world.objects("second")


def test_what_somebody_else_has_mended_since_the_audit_is_not_replaced() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.remove("assets/2.txt")
    world.audit()
    for name in ("1.txt", "2.txt"):
        world.alter(f"assets/{name}", FILES[name])
    ingest = world.repaired()
    assert world.replaced() == []
    assert {one.outcome for one in world.events(ingest, "repair")} == {"found-good"}
    assert world.course.damaged == 0


def test_surplus_objects_are_never_deleted() -> None:
    world = AuditWorld()
    world.alter("assets/stray", b"stray")
    world.alter("assets/1.txt")
    world.audit()
    world.repaired()
    assert world.objects("primary")[world.key("assets/stray")] == b"stray"
    assert world.replica("primary").surplus == 1


def test_a_source_that_has_changed_is_brought_by_the_ingest_after_the_repair() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.audit()
    world.save("new.txt", b"new")
    ingest = world.repaired()
    assert ingest.version is None
    assert world.course.stale
    assert "start again" in world.events(ingest, "end")[0].description
    assert world.repaired().version == "v2"
    assert world.course.stale is False


def test_a_source_that_is_away_keeps_nothing_from_being_repaired() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.audit()
    world.pipeline.wiring.source.on_call = unavailable
    ingest = world.repaired()
    assert ingest.source_check is None
    assert world.course.damaged == 0


def test_a_repair_asked_for_from_a_location_reads_no_source() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.audit()
    world.without_source()
    world.repaired(provider="amazon-s3")
    assert world.course.damaged == 0


def test_a_dry_run_repairs_nothing() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.audit()
    assert world.backfill(dry_run=True).repairs is None
    assert world.course.damaged == 1


def test_a_cold_good_copy_is_warmed_first() -> None:
    world = AuditWorld(PRIMARY, ARCHIVE)
    world.alter("assets/1.txt")
    world.audit()
    ingest = world.pipeline.start()
    world.pipeline.run()
    assert world.pipeline.ingest(ingest).stage == "warming"
    for _ in range(60):
        world.pipeline.wiring.clock.advance(hours=1)
        world.pipeline.sweep()
        world.pipeline.run()
    assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.objects("primary")[world.key("assets/1.txt")] == FILES["1.txt"]
    restored = {key for _, verb, key in world.requests if verb == "restore"}
    assert restored == {world.key("assets/1.txt", location="archive")}


def test_a_copy_that_can_be_read_at_once_is_taken_before_a_cold_one() -> None:
    world = AuditWorld(PRIMARY, ARCHIVE, SECOND)
    world.alter("assets/1.txt")
    world.audit()
    ingest = world.repaired()
    assert "from second" in world.events(ingest, "repair")[0].description


@pytest.mark.parametrize("request_", [{}, {"provider": "amazon-s3", "locations": ("second",)}])
def test_a_dry_run_says_that_repairs_come_first(request_: dict[str, Any]) -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", location="second")
    world.audit()
    report = world.pipeline.backfill(dry_run=True, **request_).report
    assert report is not None
    assert report.to_repair == 1
    world.repaired()
    report = world.pipeline.backfill(dry_run=True, **request_).report
    assert report is not None
    assert report.to_repair == 0
