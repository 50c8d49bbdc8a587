"""Commands that act on ingests and their remains: cancel, retry, redrive, and what is told then."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from course_backfill.dead_letters import NO_ERROR
from course_backfill.messages import Step, StepMessage
from tests.features.installation import COURSE, Installation
from tests.features.parts import Shell, shell_beside

NAME = str(COURSE)


@pytest.fixture
def shell(installation: Installation) -> Iterator[Shell]:
    """A shell beside an installation that knows one course with a sound file; nobody works yet."""
    installation.wiring.courses.add(COURSE)
    installation.save(COURSE, "sound.txt", b"alpha")
    with shell_beside(installation) as made:
        yield made


def drop_chunks(installation: Installation, name: str) -> None:
    """A file whose bytes are gone."""
    raw_id = installation.save(COURSE, name, b"bytes")
    installation.database["fs.chunks"].delete_many({"files_id": raw_id})


def bury(installation: Installation, letter: str, ingest: str) -> None:
    """The ingest's first message died."""
    message = StepMessage(ingest=ingest, epoch=1, step=Step.PLAN)
    installation.wiring.dead_letters.bury(letter, service="planner", message=message, receives=3)


def started(shell: Shell) -> str:
    """An ingest that nobody works on."""
    outcome = shell.command("start", NAME, "--json")
    assert outcome.code == 0, outcome.err
    (ingest,) = outcome.document
    return str(ingest["id"])


def test_an_ingest_is_cancelled_and_asking_again_does_no_harm(shell: Shell) -> None:
    started(shell)
    first, second = shell.command("cancel", NAME), shell.command("cancel", NAME)
    status = shell.command("status", NAME, "--json").document
    said = " ".join(shell.command("status", NAME).out.split())

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert "asked for by local" in said
    assert "is cancelled; nothing of it stays" in second.out
    assert status["status"]["id"] == "cancelled"


def test_a_kept_failure_names_the_retry_that_goes_on_once_its_cause_is_gone(
    shell: Shell, installation: Installation
) -> None:
    drop_chunks(installation, "broken.txt")
    installation.work()
    failed = shell.command("start", NAME, "--on-failure", "keep", "--watch")
    listed = shell.command("failures", NAME)
    standing = shell.command("status", NAME)
    ingest = shell.command("status", NAME, "--json").document["id"]
    installation.save(COURSE, "broken.txt", b"bytes")
    retried = shell.command("retry", NAME, "--watch")

    assert (failed.code, listed.code) == (1, 0)
    for told in (failed.out, listed.out, standing.out):
        assert f"course-backfill retry {ingest}" in told
    assert "missing-chunk, 1 object, made the ingest fail" in listed.out
    assert retried.code == 0, retried
    assert "migrated as v" in retried.out


def test_a_dead_letter_is_a_fault_until_it_was_sent_again(
    shell: Shell, installation: Installation
) -> None:
    ingest = started(shell)
    bury(installation, "m-1", ingest)
    shown, found = shell.command("dead-letters"), shell.command("check")
    redriven = shell.command("redrive", "m-1")
    after = shell.command("check")
    installation.work()

    assert all(one in shown.out for one in ("m-1", "planner", ingest, NO_ERROR))
    assert found.code == 1
    assert "dead letters taken in" in found.err
    assert (redriven.code, after.code) == (0, 0), redriven.err + after.err
    assert "1 of 1 sent again" in redriven.out
    assert "no dead letters" in shell.command("dead-letters").out
    assert "asked for by local" in shell.command("dead-letters", "--redriven").out
    assert shell.command("watch", NAME).code == 0


@pytest.mark.parametrize("choice", ["id", "--ingest", "--service"])
def test_a_dead_letter_that_is_sent_in_vain_is_told_with_the_same_code_however_it_was_chosen(
    shell: Shell, installation: Installation, choice: str
) -> None:
    ingest = started(shell)
    bury(installation, "m-1", ingest)
    shell.command("cancel", ingest)
    chosen = {"id": ("m-1",), "--ingest": (choice, ingest), "--service": (choice, "planner")}

    outcome = shell.command("redrive", *chosen[choice])

    assert outcome.code == 1
    assert "Start the course again" in outcome.out
    assert "0 of 1 sent again" in outcome.out


def test_where_there_is_nothing_to_send_again_nothing_went_wrong(shell: Shell) -> None:
    outcome = shell.command("redrive", "--service", "planner")

    assert (outcome.code, outcome.out) == (0, "There are none of these.\n")


def test_a_course_that_had_only_a_dry_run_is_told_about_by_it(
    shell: Shell, installation: Installation
) -> None:
    drop_chunks(installation, "broken.txt")
    installation.work()
    dry_run = shell.command("start", NAME, "--dry-run")
    status, listed = shell.command("status", NAME), shell.command("failures", NAME)

    assert (dry_run.code, status.code, listed.code) == (1, 0, 0)
    assert "dry run" in status.out
    assert "missing-chunk, 1 object, would make the ingest fail" in listed.out


def test_corrupt_files_can_be_recorded_and_what_was_left_out_is_told_wherever_the_version_is(
    shell: Shell, installation: Installation
) -> None:
    drop_chunks(installation, "broken.txt")
    installation.work()
    outcome = shell.command("start", NAME, "--corrupt-objects", "record", "--watch", "--json")
    (version,) = shell.command("versions", NAME, "--json").document
    report = shell.command("report")
    (row,) = csv.DictReader(io.StringIO(shell.command("report", "--csv").out))
    listed = shell.command("failures", NAME)

    (ingest,) = outcome.document
    assert (outcome.code, ingest["status"]["id"]) == (0, "succeeded")
    assert (version["objects"], version["exceptions"]) == (1, 1)
    assert "1 object left out" in report.out
    assert (row["objects"], row["exceptions"]) == ("1", "1")
    assert "missing-chunk, 1 object, left out" in listed.out


def test_the_entries_of_a_version_are_listed_and_fetched_by_their_paths(
    shell: Shell, installation: Installation
) -> None:
    installation.save(COURSE, "notes.txt", b"beta")
    installation.work()
    shell.command("start", NAME, "--watch")
    listed = shell.command("entries", NAME)
    chosen = shell.command("entries", NAME, "--prefix", "assets/n", "--json").document
    table = csv.DictReader(io.StringIO(shell.command("entries", NAME, "--csv").out))

    assert [one["path"] for one in chosen] == ["assets/notes.txt"]
    assert [one["path"] for one in table] == ["assets/notes.txt", "assets/sound.txt"]
    assert f"v1 of {NAME}: 2 objects, 9 bytes" in listed.out
    assert shell.output("get", NAME, "assets/sound.txt", "-o", "-") == b"alpha"
