"""Audits: every copy is read again; what is found is told, and nothing is changed."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.errors import Conflict
from course_backfill.ingests import IngestStatus
from course_backfill.manifests import MANIFEST_FILES
from course_backfill.messages import Step
from course_backfill.progress import progress_of
from tests.services.audit_world import AUDIT, FILES, AuditWorld
from tests.services.location_world import OPTIONAL, PRIMARY, SECOND, LocationWorld
from tests.services.memory_pipeline import COURSE

MAKING = {"create", "copy", "put_part", "complete_upload", "replace", "restore", "erase"}


pytestmark = pytest.mark.usefixtures("small_packets")


def test_an_audit_reads_every_copy_and_tells_that_all_are_good() -> None:
    world = AuditWorld()
    before = {location: world.objects(location) for location in world.buckets}
    audit = world.audit()
    assert world.found(audit) == set()
    for location in ("primary", "second"):
        replica = world.replica(location)
        assert (replica.audit, replica.damaged, replica.surplus, replica.unread) == (
            audit.id,
            0,
            0,
            0,
        )
        assert replica.audited_date is not None
        read = {key for where, verb, key in world.requests if (where, verb) == (location, "read")}
        assert {world.key(f"assets/{name}", location=location) for name in FILES} <= read
    assert {location: world.objects(location) for location in world.buckets} == before
    assert {verb for _, verb, _ in world.requests}.isdisjoint(MAKING)
    assert world.course.active_ingest is None


def test_right_damaged_and_unread_add_up_and_progress_reaches_its_end_whatever_is_found() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", b"rotten")
    world.alter("assets/2.txt", b"xx", location="second")
    world.remove("assets/3.txt", location="second")
    world.alter("assets/stray.txt", b"stray", location="second")
    audit = world.audit()
    packets, total = world.pipeline.wiring.packets, len(FILES) + len(MANIFEST_FILES)
    replicas = packets.replicas(audit.id)
    counted = {one.location: (one.objects_verified, one.damaged, one.surplus) for one in replicas}
    assert counted == {"primary": (total - 1, 1, 0), "second": (total - 2, 2, 1)}
    progress = progress_of(audit, replicas, [], world.pipeline.wiring.clock())
    assert progress is not None
    assert progress.percent == 100
    assert progress.bytes_total - progress.bytes_verified == len(FILES["1.txt"]) + 2 + 3


def test_what_is_missing_altered_or_surplus_is_told_by_location_with_what_was_found() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", b"rotten")
    world.alter("assets/2.txt", b"xx", location="second")
    world.remove("assets/3.txt", location="second")
    world.alter("assets/stray.txt", b"stray", location="second")
    audit = world.audit()
    assert world.found(audit) == {
        ("primary", "1.txt", "fixity-mismatch"),
        ("second", "2.txt", "fixity-mismatch"),
        ("second", "3.txt", "object-missing"),
        ("second", "stray.txt", "surplus-object"),
    }
    by_file = {(one.path or "").rpartition("/")[2]: one for one in world.findings(audit)}
    assert by_file["1.txt"].sha256 == hashlib.sha256(b"rotten").hexdigest()
    stored = world.buckets["primary"].stat(world.key("assets/1.txt"))
    assert stored is not None
    assert by_file["1.txt"].etag == stored.etag
    assert by_file["stray.txt"].severity == "warning"
    assert (world.replica("primary").damaged, world.replica("primary").surplus) == (1, 0)
    assert (world.replica("second").damaged, world.replica("second").surplus) == (2, 1)
    assert audit.failure_count == 4


@pytest.mark.parametrize("name", MANIFEST_FILES)
@pytest.mark.parametrize("is_missing", [True, False])
def test_a_damaged_manifest_file_is_a_finding_and_hides_no_other(
    name: str, is_missing: bool
) -> None:
    world = AuditWorld()
    if is_missing:
        world.remove(name)
    else:
        world.alter(name)
    world.alter("assets/1.txt")
    found = world.found(world.audit())
    code = "object-missing" if is_missing else "fixity-mismatch"
    assert found == {("primary", name, code), ("primary", "1.txt", "fixity-mismatch")}


def test_a_manifest_file_that_is_damaged_everywhere_makes_no_object_surplus() -> None:
    world = AuditWorld()
    for location in ("primary", "second"):
        world.alter("entries.jsonl", location=location)
        world.remove("manifest.json", location=location)
    assert world.found(world.audit()) == {
        (location, name, code)
        for location in ("primary", "second")
        for name, code in (
            ("entries.jsonl", "fixity-mismatch"),
            ("manifest.json", "object-missing"),
        )
    }


def test_every_version_is_audited_and_each_object_read_once() -> None:
    world = AuditWorld()
    world.save("1.txt", b"another")
    world.backfill()
    world.alter("assets/2.txt")
    audit = world.audit()
    assert world.found(audit) == {("primary", "2.txt", "fixity-mismatch")}
    reads = [key for where, verb, key in world.requests if (where, verb) == ("second", "read")]
    content = [key for key in reads if "/assets/" in key]
    assert len(content) == len(set(content))


def test_only_the_asked_locations_are_read_and_written_about() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", location="second")
    audit = world.audit(locations=("primary",))
    assert world.found(audit) == set()
    assert world.replica("second").audit is None
    content = {where for where, verb, key in world.requests if verb == "read" and "assets" in key}
    assert content == {"primary"}


def test_a_location_that_the_course_is_not_in_is_left_out() -> None:
    world = AuditWorld(PRIMARY, OPTIONAL)
    audit = world.audit()
    assert audit.leg_replicas == ("primary",)
    nowhere = world.backfill(**(AUDIT | {"locations": ("optional",)}))
    assert nowhere.status is IngestStatus.FAILED
    assert nowhere.failure is not None
    assert nowhere.failure.code == "nothing-to-audit"


def test_locations_that_are_not_required_are_audited_too() -> None:
    world = AuditWorld(PRIMARY, OPTIONAL)
    world.backfill(locations=("primary", "optional"))
    world.alter("assets/1.txt", location="optional")
    assert world.found(world.audit()) == {("optional", "1.txt", "fixity-mismatch")}


def test_a_course_without_versions_is_not_audited() -> None:
    world = LocationWorld(PRIMARY)
    with pytest.raises(Conflict, match="no registered version"):
        world.pipeline.start(**AUDIT)
    assert world.pipeline.wiring.courses.get(str(COURSE)).active_ingest is None


def test_an_audit_leaves_the_copies_of_a_kept_failure_alone_and_does_not_call_them_surplus() -> (
    None
):
    world = AuditWorld()
    world.save("new.txt", b"new")
    kept = world.pipeline.start(on_failure="keep")
    world.run_to(Step.VERIFY, "primary")
    world.alter("assets/x", location="primary")
    world.buckets["primary"].store(world.key("assets/stray", version="v2"), b"stray")
    world.pipeline.wiring.messages.send(
        world.pipeline.wiring.flow.messages(world.pipeline.ingest(kept))
    )
    world.pipeline.run()
    assert world.pipeline.ingest(kept).kept
    audit = world.audit()
    assert world.found(audit) == {("primary", "x", "surplus-object")}
    assert world.pipeline.ingest(kept).kept
    assert world.course.kept_ingest == kept


def test_what_a_failed_backfill_left_of_a_registered_version_is_not_surplus() -> None:
    world = AuditWorld(PRIMARY, OPTIONAL)
    to_optional: dict[str, Any] = {"provider": "amazon-s3", "locations": ("optional",)}
    world.backfill(**to_optional)
    world.save("8.txt", b"eight")
    assert world.backfill().version == "v2"
    attempt = world.pipeline.start(**to_optional)
    world.run_to(Step.VERIFY)
    world.pipeline.wiring.lifecycle.cancel(attempt, by="operator")
    world.pipeline.run()
    assert world.key("assets/8.txt", version="v2") in world.objects("optional")
    assert world.replicas() == {("v1", "primary"), ("v2", "primary"), ("v1", "optional")}
    assert world.found(world.audit()) == set()


def test_what_lies_below_the_prefix_of_a_version_that_failed_is_surplus() -> None:
    world = AuditWorld()
    world.buckets["second"].store(world.key("assets/late", version="v7", location="second"), b"x")
    assert world.found(world.audit()) == {("second", "late", "surplus-object")}


def test_an_outage_is_waited_out() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    audit = world.pipeline.start(**AUDIT)
    world.run_to(Step.VERIFY)
    world.buckets["second"].is_unavailable = True
    world.pipeline.wiring.messages.send(
        world.pipeline.wiring.flow.messages(world.pipeline.ingest(audit))
    )
    world.pipeline.run()
    assert world.pipeline.ingest(audit).status is IngestStatus.PROCESSING
    world.buckets["second"].is_unavailable = False
    world.pipeline.wiring.clock.advance(hours=1)
    world.pipeline.sweep()
    world.pipeline.run()
    ended = world.pipeline.ingest(audit)
    assert ended.status is IngestStatus.SUCCEEDED
    assert world.found(ended) == {("primary", "1.txt", "fixity-mismatch")}


@pytest.mark.parametrize("verbs", [("read",), ("list",), ("list", "read", "stat")])
def test_a_location_that_refuses_fails_the_audit_which_tells_of_all_others(
    verbs: tuple[str, ...],
) -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", location="second")
    first = world.audit()
    world.alter("assets/2.txt")
    for verb in verbs:
        world.buckets["second"].fail(verb, StorageFault.REFUSED, times=1_000)
    ended = world.backfill(**AUDIT)
    assert ended.failure is not None
    assert ended.failure.code == "storage-refused"
    assert "second could not be read" in ended.failure.detail
    told = {(one.replica, one.code, one.severity) for one in world.findings(ended)}
    assert ("primary", "fixity-mismatch", "failure") in told
    assert ("second", "storage-refused", "warning") in told
    assert (world.replica("primary").audit, world.replica("primary").damaged) == (ended.id, 1)
    before = world.replica("second")
    assert (before.audit, before.damaged, before.surplus) == (first.id, 1, 0)
    assert world.course.failed_audits == 1
    assert world.course.active_ingest is None


def test_what_an_audit_could_not_read_is_no_good_copy_to_mend_from() -> None:
    world = AuditWorld()
    world.alter("assets/2.txt")
    world.buckets["second"].fail("list", StorageFault.REFUSED)
    assert world.backfill(**AUDIT).status is IngestStatus.FAILED
    repair = world.backfill()
    assert repair.failure is not None
    assert repair.failure.code == "no-good-replica"


def test_a_location_that_is_read_again_ends_the_pause_of_the_schedule() -> None:
    world = AuditWorld()
    world.buckets["second"].fail("list", StorageFault.REFUSED)
    assert world.backfill(**AUDIT).status is IngestStatus.FAILED
    assert world.course.failed_audits == 1
    world.audit()
    assert world.course.failed_audits == 0
    assert world.replica("second").audited_date is not None


@pytest.mark.parametrize("copies", [2, 3])
def test_repeated_deliveries_change_nothing(copies: int) -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.remove("assets/2.txt", location="second")
    audit = world.pipeline.start(**AUDIT)
    world.pipeline.run(copies=copies)
    assert world.pipeline.ingest(audit).status is IngestStatus.SUCCEEDED
    assert (world.replica("primary").damaged, world.replica("second").damaged) == (1, 1)


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_deliveries_comes_to_the_same(seed: int) -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.remove("manifest.json", location="second")
    audit = world.pipeline.start(**AUDIT)
    world.pipeline.run_shuffled(seed)
    assert world.found(world.pipeline.ingest(audit)) == {
        ("primary", "1.txt", "fixity-mismatch"),
        ("second", "manifest.json", "object-missing"),
    }


def test_a_location_that_was_never_audited_says_so() -> None:
    world = AuditWorld(PRIMARY, SECOND)
    assert world.replica("second").audited_date is None
