"""MongoDB and S3 go away and come back; ingests wait, and none fails."""

from __future__ import annotations

from course_backfill.ingests import IngestStatus
from tests.features.installation import COURSE, Installation, wait_until


def outcomes(installation: Installation, ingest: str) -> set[str]:
    return {event.outcome for event in installation.wiring.ingests.events(ingest)}


def test_throttled_storage_parks_the_ingest(installation: Installation) -> None:
    installation.save(COURSE, "a.txt", b"alpha")
    installation.fault(
        service="s3",
        operation="PutObject",
        key="assets/a.txt",
        status=503,
        code="SlowDown",
        times=12,
    )
    ingest = installation.start()
    installation.work()
    wait_until(lambda: "waiting" in outcomes(installation, ingest))
    assert installation.ended(ingest).status is IngestStatus.SUCCEEDED


def test_a_lost_answer_of_a_registration_registers_once(installation: Installation) -> None:
    installation.save(COURSE, "a.txt", b"alpha")
    installation.fault(
        service="dynamodb",
        operation="TransactWriteItems",
        key="VERSION#",
        after=True,
        drop=True,
    )
    ingest = installation.start()
    installation.work()
    assert installation.ended(ingest).status is IngestStatus.SUCCEEDED
    assert [one.id for one in installation.wiring.courses.versions(str(COURSE))] == ["v1"]
    assert installation.wiring.courses.get(str(COURSE)).active_ingest is None


def test_a_denied_bucket_fails_the_ingest_with_its_reason(installation: Installation) -> None:
    installation.save(COURSE, "a.txt", b"alpha")
    installation.fault(
        service="s3",
        operation="PutObject",
        key="assets/a.txt",
        status=403,
        code="AccessDenied",
        times=9,
    )
    ingest = installation.start()
    installation.work()
    ended = installation.ended(ingest)
    assert ended.status is IngestStatus.FAILED
    assert ended.failure is not None
    assert ended.failure.code == "storage-refused"
