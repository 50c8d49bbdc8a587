"""Trying again: never more often than said, never at once, never after too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.adapters.backoff import Backoff
from course_backfill.adapters.s3_retries import TRIES, try_again

BACKOFFS = st.builds(
    Backoff, tries=st.integers(1, 20), first=st.floats(0.01, 1), longest=st.floats(1, 10)
)


@given(BACKOFFS)
def test_there_is_a_bounded_pause_before_every_attempt_but_the_first(backoff: Backoff) -> None:
    pauses: list[float] = []
    assert list(backoff.attempts(pauses.append)) == list(range(backoff.tries))
    assert len(pauses) == backoff.tries - 1
    for number, pause in enumerate(pauses):
        assert 0 <= pause <= min(backoff.longest, backoff.first * 2.0**number)


def test_those_who_met_once_do_not_meet_again() -> None:
    backoff = Backoff(tries=2, first=1, longest=1)
    assert len({backoff.pause(1) for _ in range(20)}) > 1


@pytest.mark.parametrize("failing", range(TRIES))
def test_after_a_success_nothing_is_tried_again(failing: int) -> None:
    answers = iter(["SlowDown"] * failing + [None])
    pauses: list[float] = []
    assert try_again(lambda: next(answers), pauses.append) is None
    assert len(pauses) == failing


def test_the_last_answer_is_told_once_the_tries_are_used_up() -> None:
    answers = iter(str(number) for number in range(2 * TRIES))
    assert try_again(lambda: next(answers), lambda _: None) == str(TRIES - 1)
