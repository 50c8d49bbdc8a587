"""What a person reads is harmless to the terminal and says sizes and times as people do."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.cli.printing import courses, duration, moment, number, printable, size


@given(st.text())
def test_no_control_character_reaches_the_terminal(name: str) -> None:
    categories = {unicodedata.category(one) for one in printable(name)}

    assert not categories & {"Cc", "Cf", "Cs"}


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Mn", "Zs"])))
def test_an_ordinary_name_is_shown_as_it_is(name: str) -> None:
    assert printable(name) == name


def test_an_escape_sequence_is_spelled_out() -> None:
    assert printable("a\x1b[2Jb\r\nc\u202ed") == "a\\x1b[2Jb\\r\\nc\\u202ed"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3600, "1 h 0 min"),
        (4830, "1 h 20 min"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(None, "–"), (0, "0 bytes"), (1, "1 byte"), (12_300_000, "12.3 MB")]
)
def test_sizes_are_decimal(count: int | None, said: str) -> None:
    assert size(count) == said


def test_counts_and_dates_are_easy_to_read() -> None:
    assert number(1234567) == "1,234,567"
    assert number(None) == "–"
    assert [courses(1), courses(2)] == ["1 course", "2 courses"]
    assert moment("2026-01-31T08:15:00.123Z") == "2026-01-31 08:15:00"
    assert moment(None) == "–"
