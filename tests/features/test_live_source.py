"""The source is live: it is edited while workers copy, and it goes away and comes back."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

from pymongo import MongoClient

from course_backfill.ingests import IngestStatus
from course_backfill.local.mongod import running_mongod
from tests.features.installation import COURSE, Installation, wait_until
from tests.features.installation import installation as installation_of

MIB = 1024 * 1024


def outcomes(made: Installation, ingest: str) -> set[str]:
    return {event.outcome for event in made.wiring.ingests.events(ingest)}


def test_edits_during_the_copy_are_no_corruption_and_make_the_version_stale(
    installation: Installation,
) -> None:
    installation.save(COURSE, "kept.txt", b"kept")
    installation.save(COURSE, "edited.txt", b"first")
    gone = installation.save(COURSE, "gone.txt", b"gone")
    installation.save(COURSE, "slow.txt", b"slow")
    installation.fault(service="s3", operation="PutObject", key="slow.txt", delay=3, status=503)
    ingest = installation.start()
    installation.work()
    wait_until(lambda: len(installation.stored()) >= 3)

    installation.save(COURSE, "edited.txt", b"second, longer")
    installation.delete(gone)
    installation.save(COURSE, "new.txt", b"new")

    ended = installation.ended(ingest)
    assert ended.status is IngestStatus.SUCCEEDED
    contents = {one.source.name: installation.read(one) for one in installation.entries()}
    assert contents == {
        "kept.txt": b"kept",
        "edited.txt": b"first",
        "gone.txt": b"gone",
        "slow.txt": b"slow",
    }
    check = ended.source_check
    assert check is not None
    assert (check.stale, check.added, check.changed, check.removed) == (True, 1, 1, 1)

    again = installation.ended(installation.start())
    assert again.version == "v2"
    contents = {
        one.source.name: installation.read(one) for one in installation.entries(version="v2")
    }
    assert contents["edited.txt"] == b"second, longer"
    assert set(contents) == {"kept.txt", "edited.txt", "slow.txt", "new.txt"}


def test_a_large_file_saved_again_while_it_is_sent_is_never_mixed(
    installation: Installation,
) -> None:
    one, two = b"1" * (40 * MIB), b"2" * (40 * MIB)
    installation.save(COURSE, "film.mp4", one)
    installation.fault(
        service="s3", operation="UploadPart", key="film", skip=2, delay=2, status=503
    )
    ingest = installation.start()
    installation.work()
    wait_until(installation.stored)
    installation.save(COURSE, "film.mp4", two)
    ended = installation.ended(ingest)
    assert ended.status is IngestStatus.SUCCEEDED
    assert ended.source_check is not None
    contents = [installation.read(entry) for entry in installation.entries()]
    if ended.source_check.stale:
        # Between deleting and creating it again, a save looks like a deletion.
        assert contents in ([], [one])
    else:
        assert contents == [two]


def test_a_mongodb_that_goes_away_parks_the_ingest_and_fails_nothing(
    tmp_path: Path, endpoint: str
) -> None:
    name = f"edxapp_{uuid.uuid4().hex[:8]}"
    with running_mongod(tmp_path) as uri, MongoClient[dict[str, object]](uri) as client:
        port = client.address[1] if client.address else 0
        database = client[name]
        database["fs.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
        with installation_of(uri, database, endpoint) as made:
            made.save(COURSE, "a.txt", b"alpha")
    with (
        MongoClient[dict[str, object]](uri) as away,
        installation_of(f"{uri}&serverSelectionTimeoutMS=500", away[name], endpoint) as made,
    ):
        ingest = made.start()
        made.work()
        wait_until(lambda: "waiting" in outcomes(made, ingest))
        time.sleep(3)
        assert not made.wiring.ingests.get(ingest).status.is_end
        with running_mongod(tmp_path, port):
            assert made.ended(ingest).status is IngestStatus.SUCCEEDED
            assert [made.read(one) for one in made.entries()] == [b"alpha"]
