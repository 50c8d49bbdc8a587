"""Reading a live source: only bytes of one stable state count, and only they can be bad."""

from __future__ import annotations

import pytest

from course_backfill.errors import SourceUnavailable
from course_backfill.inventory import Fault, SourceObject
from course_backfill.source_reading import (
    MAX_READS,
    Bad,
    Read,
    Removed,
)
from tests.domain.live_reading import Reading
from tests.generators import create_source_object


@pytest.fixture
def reading() -> Reading:
    return Reading()


BOTH = pytest.mark.parametrize("size", ["small", "large"])
VERB = {"small": "read_batch", "large": "stream"}


@BOTH
@pytest.mark.parametrize("content", [b"", b"one", b"four", b"more than one chunk"])
def test_a_file_that_stays_the_same_is_read(reading: Reading, size: str, content: bytes) -> None:
    found = reading.save("a", content)
    assert reading.either(size, found) == ("read", found, content)


@BOTH
@pytest.mark.parametrize("edited_at", ["before", "between"])
def test_a_file_saved_while_it_is_read_is_read_again_in_its_new_state(
    reading: Reading, size: str, edited_at: str
) -> None:
    old = reading.save("a", b"first state")
    verb = VERB[size] if edited_at == "before" else "current"
    reading.during(verb, lambda: reading.save("a", b"second, longer state"))
    assert reading.either(size, old) == ("read", reading.find("a"), b"second, longer state")


@BOTH
def test_a_change_of_the_document_alone_is_a_new_state(reading: Reading, size: str) -> None:
    old = reading.save("a", b"content")
    reading.during("current", lambda: reading.content.change(str(old.source_id), locked=True))
    _, source, content = reading.either(size, old)
    assert isinstance(source, SourceObject)
    assert (source.metadata["locked"], content) == (True, b"content")


@BOTH
@pytest.mark.parametrize("verb", ["read", "current"])
def test_a_file_that_is_deleted_is_removed_and_no_error(
    reading: Reading, size: str, verb: str
) -> None:
    found = reading.save("a", b"some content")
    asked = VERB[size] if verb == "read" else verb
    reading.during(asked, lambda: reading.content.delete(str(found.source_id)))
    assert reading.either(size, found) == ("removed", found, None)


@BOTH
def test_a_file_that_is_saved_at_every_read_is_given_up(reading: Reading, size: str) -> None:
    found = reading.save("a", b"x")
    edits = [lambda number=number: reading.save("a", b"x" * number) for number in range(2, 9)]
    reading.during("current", *edits)
    outcome, source, code = reading.either(size, found)
    assert (outcome, code) == ("bad", "keeps-changing")
    assert source == reading.find("a")
    assert source.size == 1 + MAX_READS


@BOTH
def test_a_file_that_settles_at_the_last_read_is_read(reading: Reading, size: str) -> None:
    found = reading.save("a", b"x")
    edits = [lambda number=number: reading.save("a", b"x" * number) for number in range(2, 4)]
    reading.during("current", *edits)
    assert len(edits) == MAX_READS - 1
    assert reading.either(size, found) == ("read", reading.find("a"), b"xxx")


@BOTH
def test_chunks_that_do_not_fit_are_a_fault_of_a_file_that_stayed_the_same(
    reading: Reading, size: str
) -> None:
    found = reading.save("a", b"several chunks")
    reading.content.drop_chunk(str(found.source_id), 1)
    assert reading.either(size, found) == ("bad", found, "missing-chunk")


@BOTH
def test_chunks_that_do_not_fit_are_no_fault_of_a_file_being_saved(
    reading: Reading, size: str
) -> None:
    """What the deletion leaves behind looks like corruption, until the document is looked at."""
    found = reading.save("a", b"several chunks")
    reading.content.drop_chunk(str(found.source_id), 1)
    reading.during("current", lambda: reading.save("a", b"saved"))
    assert reading.either(size, found) == ("read", reading.find("a"), b"saved")


@BOTH
def test_a_fault_that_planning_found_is_no_fault_of_a_file_that_was_mended(
    reading: Reading, size: str
) -> None:
    reading.save("a", b"torn")
    torn = create_source_object(
        "assets/a", source_id=reading.find("a").source_id, fault=Fault("missing-chunk", "chunk 0")
    )
    assert reading.either(size, torn) == ("read", reading.find("a"), b"torn")


@BOTH
def test_a_fault_that_planning_found_stays_one_without_reading(reading: Reading, size: str) -> None:
    fault = Fault("missing-chunk", "chunk 0")
    found = SourceObject.from_dict(
        reading.save("a", b"torn").to_dict() | {"fault": {"code": fault.code, "detail": "chunk 0"}}
    )
    assert reading.either(size, found) == ("bad", found, "missing-chunk")


@BOTH
def test_a_duplicate_path_stays_a_fault_whatever_its_document_becomes(
    reading: Reading, size: str
) -> None:
    fault = {"code": "duplicate-path", "detail": "another document has it"}
    found = SourceObject.from_dict(reading.save("a", b"content").to_dict() | {"fault": fault})
    reading.save("a", b"saved again")
    assert reading.either(size, found)[2] == "duplicate-path"


@BOTH
def test_an_outage_comes_through(reading: Reading, size: str) -> None:
    found = reading.save("a", b"content")
    reading.source.fail_next(1)
    with pytest.raises(SourceUnavailable):
        reading.either(size, found)


def test_the_files_of_a_batch_do_not_affect_each_other(reading: Reading) -> None:
    objects = [reading.save(name, name.encode()) for name in ("read", "torn", "gone", "saved")]
    reading.content.drop_chunk(str(objects[1].source_id), 0)
    reading.content.delete(str(objects[2].source_id))
    reading.save("saved", b"again")
    outcomes = reading.small(*objects)
    assert [type(outcomes[one.path]) for one in objects] == [Read, Bad, Removed, Read]
    assert outcomes["assets/saved"] == Read(reading.find("saved"), b"again")


def test_a_sink_is_committed_once_for_the_state_that_counts(reading: Reading) -> None:
    found = reading.save("a", b"first")
    reading.during("current", lambda: reading.save("a", b"second"))
    reading.large(found)
    assert [sink.ends for sink in reading.sinks] == [["discard"], ["commit"]]
    assert [b"".join(sink.blocks) for sink in reading.sinks] == [b"first", b"second"]


def test_a_sink_is_left_for_another_attempt_when_the_work_is_interrupted(reading: Reading) -> None:
    found = reading.save("a", b"several chunks")
    blocks = iter([None, SourceUnavailable("MongoDB went away")])

    def go_away(verb: str) -> None:
        error = next(blocks, None) if verb == "block" else None
        if error:
            raise error

    reading.source.on_call = go_away
    with pytest.raises(SourceUnavailable):
        reading.large(found)
    assert [sink.ends for sink in reading.sinks] == [["leave"]]


def test_what_a_sink_refuses_is_a_fault_and_nothing_of_it_stays(reading: Reading) -> None:
    found = reading.save("a", b"rotten")
    reading.refuse = Fault("digest-mismatch", "the bytes have another md5")
    assert reading.large(found) == Bad(found, reading.refuse)
    assert [sink.ends for sink in reading.sinks] == [["commit", "discard"]]
