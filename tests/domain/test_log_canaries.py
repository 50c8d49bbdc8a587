"""Whatever way a secret gets into a log line, it does not come out of it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.redaction import HIDDEN, keep_secret, redacted, redacted_tree
from course_backfill.work_context import WorkThreads, work_fields, working_on
from tests.canaries import CANARIES, SECRET, leaks

Line = dict[str, Any]
logger = logging.getLogger("canaries")


class Holder:
    """An object whose text holds a secret, as clients and requests do."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"<Holder {self.text}>"


def _raised(error: Exception) -> None:
    try:
        raise error
    except Exception:
        logger.exception("it failed")


def _in_a_cause(text: str) -> None:
    try:
        try:
            raise ValueError(text)
        except ValueError as cause:
            raise RuntimeError("more harmless") from cause
    except RuntimeError:
        logger.exception("it failed")


def _in_a_note(text: str) -> None:
    error = ValueError("harmless")
    error.add_note(text)
    _raised(error)


def _in_a_local(text: str) -> None:
    local = Holder(text)
    try:
        raise ValueError(len(repr(local)))
    except ValueError:
        logger.exception("it failed", stack_info=True)


def _in_the_work(text: str) -> None:
    with working_on(course=text, ingest_id=text):
        logger.info("step")


WAYS: dict[str, Callable[[str], None]] = {
    "message": logger.warning,
    "argument": lambda text: logger.warning("no: %s", text),
    "object": lambda text: logger.warning("no: %s", Holder(text)),
    "message of a mapping": lambda text: logger.warning({"why": text, "deep": [{"x": text}]}),
    "field": lambda text: logger.warning("no", extra={"error": text}),
    "exception as a field": lambda text: logger.warning("no", extra={"error": OSError(text)}),
    "trace as a field": lambda text: logger.warning("no", extra={"exception": text}),
    "field in a field": lambda text: logger.warning("no", extra={"a": {"b": [(text,), {text}]}}),
    "name in a field": lambda text: logger.warning("no", extra={"a": {text: 1}}),
    "object in a field": lambda text: logger.warning("no", extra={"a": [Holder(text)]}),
    "bytes": lambda text: logger.warning("no", extra={"body": text.encode()}),
    "exception": lambda text: _raised(RuntimeError(text)),
    "exception with several arguments": lambda text: _raised(OSError(1, text, text)),
    "cause": _in_a_cause,
    "note": _in_a_note,
    "local": _in_a_local,
    "work": _in_the_work,
}


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_secret_comes_out_of_a_line(
    written: io.StringIO, way: Callable[[str], None], canary: str
) -> None:
    way(canary)
    [line] = written.getvalue().splitlines()
    assert leaks(line) == []
    assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("name", ["password", "mongo_password", "clientSecret", "api-key", "Token"])
def test_the_value_of_a_name_that_is_a_secrets_goes_whatever_it_is(
    written: io.StringIO, name: str
) -> None:
    logger.info("harmless", extra={"fields": {name: SECRET, "other": {name: [SECRET]}}})
    [line] = written.getvalue().splitlines()
    assert json.loads(line)["fields"] == {name: HIDDEN, "other": {name: HIDDEN}}


def test_what_a_person_looks_for_stays(written: io.StringIO) -> None:
    said = {
        "ingest_id": "0f8e-1",
        "course": "course-v1:Org+CS101+R1",
        "key": "courses/course-v1:Org+CS101+R1/v1/assets/a b?.txt",
        "url": "https://db.example.org:27017/edxapp",
        "seconds": 0.25,
        "packet": 3,
        "is_first": True,
        "replica": None,
    }
    logger.info("step", extra=said)
    line = json.loads(written.getvalue())
    assert {name: line[name] for name in said if said[name] is not None} == {
        name: value for name, value in said.items() if value is not None
    }


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_secret_that_is_known_is_hidden_in_any_text(before: str, after: str) -> None:
    known = "correct horse battery"
    keep_secret(known)
    assert known not in redacted(f"{before}{known}{after}")
    assert known not in json.dumps(redacted_tree({before: [known, {after: known}]}, limit=500))


@given(st.text(max_size=60), st.sampled_from(sorted(CANARIES.values())), st.text(max_size=60))
def test_a_secret_is_recognised_whatever_is_around_it(before: str, canary: str, after: str) -> None:
    assert leaks(redacted(f"{before}{canary}{after}")) == []


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_what_is_redacted_stays_as_it_is(canary: str) -> None:
    assert redacted(redacted(canary)) == redacted(canary)


def test_of_a_known_uri_its_host_stays() -> None:
    keep_secret("mongodb://reader:correct%2Fhorse@db.example.org/edxapp")
    said = redacted("correct/horse and correct%2Fhorse do not open db.example.org/edxapp")
    assert said == f"{HIDDEN} and {HIDDEN} do not open db.example.org/edxapp"


def test_threads_know_what_the_work_is_about_that_they_were_given() -> None:
    with WorkThreads(1) as threads:
        for ingest in ("one", "two"):
            with working_on(ingest_id=ingest, replica=None):
                found = threads.submit(lambda: dict(work_fields())).result()
                [mapped] = threads.map(lambda _: dict(work_fields()), [None])
            assert found == mapped == {"ingest_id": ingest}
        assert threads.submit(lambda: dict(work_fields())).result() == {}
