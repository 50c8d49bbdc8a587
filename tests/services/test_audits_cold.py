"""Audits of cold copies, and by the checksums that S3 stored: nothing is restored unasked."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.audits import AuditWish
from course_backfill.ingests import IngestStatus
from tests.services.audit_world import AUDIT, FILES, AuditWorld
from tests.services.location_world import ARCHIVE, LARGE, PRIMARY


def test_by_checksums_only_what_has_none_is_read() -> None:
    world = AuditWorld(files=FILES | {"large.bin": LARGE})
    world.alter("assets/1.txt")
    audit = world.audit(method="checksums")
    assert world.found(audit) == {("primary", "1.txt", "fixity-mismatch")}
    read = {
        key.rpartition("/")[2]
        for _, verb, key in world.requests
        if verb == "read" and "/assets/" in key
    }
    assert read <= {"1.txt", "large.bin"}


def test_cold_copies_are_compared_by_stored_checksums_and_never_restored() -> None:
    world = AuditWorld(PRIMARY, ARCHIVE, files=FILES | {"large.bin": LARGE})
    audit = world.audit()
    assert world.found(audit) == set()
    assert "restore" not in {verb for _, verb, _ in world.requests}


@pytest.mark.parametrize("method", ["bytes", "checksums"])
def test_a_large_cold_copy_that_was_altered_is_told_by_its_stored_checksum(method: str) -> None:
    world = AuditWorld(PRIMARY, ARCHIVE, files={"large.bin": LARGE})
    key = world.key("assets/large.bin", location="archive")
    world.buckets["archive"].change(key, crc64="AAAAAAAAAAA=")
    audit = world.audit(method=method)
    assert world.found(audit) == {("archive", "large.bin", "fixity-mismatch")}


def test_what_is_cold_and_has_no_comparable_checksum_is_told_as_unread_and_not_as_damaged() -> None:
    world = AuditWorld(PRIMARY, ARCHIVE)
    world.buckets["archive"].change(
        world.key("assets/1.txt", location="archive"), sha256=None, crc64=None
    )
    audit = world.audit()
    assert world.found(audit) == {("archive", "1.txt", "unread-object")}
    replica = world.replica("archive")
    assert (replica.unread, replica.damaged) == (1, 0)


@pytest.mark.parametrize("method", ["bytes", "checksums"])
def test_an_audit_that_is_to_warm_restores_and_reads_what_is_cold(method: Any) -> None:
    world = AuditWorld(PRIMARY, ARCHIVE)
    world.alter("assets/1.txt", location="archive")
    key = world.key("assets/1.txt", location="archive")
    world.buckets["archive"].change(key, storage_class="DEEP_ARCHIVE", sha256=None, crc64=None)
    audit = world.pipeline.start(**(AUDIT | {"audit": AuditWish(method=method, warm=True)}))
    world.pipeline.run()
    assert world.pipeline.ingest(audit).stage == "warming"
    for _ in range(60):
        world.pipeline.wiring.clock.advance(hours=1)
        world.pipeline.sweep()
        world.pipeline.run()
    ended = world.pipeline.ingest(audit)
    assert ended.failure is None
    assert ended.status is IngestStatus.SUCCEEDED
    assert world.found(ended) == {("archive", "1.txt", "fixity-mismatch")}
    assert world.replica("archive").unread == 0
