"""Attempts at repairs that repeat, die, are cancelled, or meet other settings and more audits."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.ingests import IngestStatus
from course_backfill.locations import failures_key
from course_backfill.messages import Step
from tests.services.audit_world import FILES, AuditWorld
from tests.services.location_world import FAR, PRIMARY, SECOND, code

pytestmark = pytest.mark.usefixtures("small_packets")


@pytest.mark.parametrize("copies", [2, 3])
def test_repeated_deliveries_repair_once(copies: int) -> None:
    world = AuditWorld()
    before = world.objects("primary")
    world.alter("assets/1.txt")
    world.remove("assets/2.txt")
    world.audit()
    world.forget()
    ingest = world.pipeline.start()
    world.pipeline.run(copies=copies)
    assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.objects("primary") == before
    assert len(world.replaced()) == 1


@pytest.mark.parametrize("verb", ["replace", "create"])
def test_a_worker_that_dies_after_it_has_mended_an_object_leaves_the_rest_to_the_next(
    verb: str,
) -> None:
    world = AuditWorld()
    before = world.objects("primary")
    for name in FILES:
        if verb == "replace":
            world.alter(f"assets/{name}")
        else:
            world.remove(f"assets/{name}")
    world.audit()
    ingest = world.pipeline.start()
    world.run_to(Step.REPLICATE)
    world.buckets["primary"].fail(verb, StorageFault.OUTAGE_AFTER)
    world.pipeline.wiring.messages.send(
        world.pipeline.wiring.flow.messages(world.pipeline.ingest(ingest))
    )
    world.pipeline.run()
    world.pipeline.wiring.clock.advance(hours=1)
    world.pipeline.sweep()
    world.pipeline.run()
    ended = world.pipeline.ingest(ingest)
    assert ended.failure is None
    assert world.objects("primary") == before
    told = {(one.object or "").rpartition("/")[2] for one in world.events(ended, "repair")}
    assert told == set(FILES)


def test_a_cancelled_repair_leaves_what_it_mended_and_the_next_mends_the_rest() -> None:
    world = AuditWorld()
    before = world.objects("primary")
    for name in FILES:
        world.alter(f"assets/{name}")
    world.audit()
    ingest = world.pipeline.start()
    world.run_to(Step.VERIFY)
    world.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    world.pipeline.run()
    assert world.pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    assert world.course.damaged == len(FILES)
    world.repaired()
    assert world.objects("primary") == before
    assert world.course.damaged == 0


def test_a_location_that_is_no_longer_configured_is_not_repaired_and_holds_nothing_up() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", location="second")
    world.audit()
    world.configure(PRIMARY)
    world.save("new.txt", b"new")
    assert world.backfill().version == "v2"


def test_findings_of_several_audits_are_mended_together() -> None:
    world = AuditWorld(PRIMARY, SECOND, FAR)
    before = world.objects("primary")
    world.alter("assets/1.txt")
    world.audit(locations=("primary", "second"))
    world.alter("assets/2.txt", location="far")
    world.audit(locations=("second", "far"))
    world.repaired()
    assert world.objects("primary") == world.objects("far") == before


def test_what_reads_right_is_not_replaced_even_where_an_audit_called_it_damaged() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    audit = world.audit()
    found = world.findings(audit)
    key = world.key("assets/3.txt")
    stat = world.buckets["primary"].stat(key)
    assert stat is not None
    mistaken = found[0].model_copy(update={"path": key, "etag": stat.etag})
    lines = [one.to_line() for one in (*found, mistaken)]
    world.pipeline.wiring.work.put(failures_key(audit.id), lines)
    world.repaired()
    assert world.replaced() == [("primary", world.key("assets/1.txt"))]
    assert world.course.damaged == 0


def test_findings_that_are_gone_are_told_and_another_audit_finds_them_again() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    audit = world.audit()
    world.pipeline.wiring.work_bucket.versions.pop(failures_key(audit.id))
    assert code(world.backfill()) == "findings-gone"
    world.audit()
    world.repaired()
    assert world.objects("primary") == world.objects("second")
