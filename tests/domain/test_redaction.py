"""Redaction: no credential, token or signed query in what is stored or logged; one line always."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.redaction import redacted, without_query

SECRET = "Zx9Quk42Canary"


@pytest.mark.parametrize(
    "text",
    [
        f"no connection to mongodb://reader:{SECRET}@db.example.org:27017/edxapp",
        f"no connection to mongodb+srv://{SECRET}:x@db.example.org",
        f"GET https://bucket.example.org/key?X-Amz-Signature={SECRET}&X-Amz-Expires=1",
        f"X-Amz-Security-Token={SECRET}&x=1",
        f"Authorization: Bearer {SECRET}",
        f"header 'authorization': 'Basic {SECRET}'",
        f"password={SECRET} refused",
        f'{{"client_secret": "{SECRET}"}}',
        f"token eyJhbGciOiJub25lIn0.{SECRET}.",
        f"POST https://lms.example.org/hook?key={SECRET} failed",
    ],
)
def test_a_secret_does_not_survive(text: str) -> None:
    assert SECRET not in redacted(text)


def test_what_helps_a_person_survives() -> None:
    said = redacted("no connection to mongodb://u:p@db.example.org:27017/edxapp after 10 tries")
    assert "db.example.org:27017/edxapp after 10 tries" in said


@given(st.text(max_size=700))
def test_the_text_is_one_encodable_line_of_bounded_length(text: str) -> None:
    said = redacted(text)
    assert len(said) <= 500
    assert len(said.splitlines()) <= 1
    said.encode()


def test_a_url_is_shown_without_its_query_and_user() -> None:
    assert without_query("https://lms.example.org/hook") == "https://lms.example.org/hook"
    assert without_query(f"https://lms.example.org/h?k={SECRET}") == "https://lms.example.org/h?…"
