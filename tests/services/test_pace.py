"""How fast restores are asked for."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.warmer.asking import Pace


@given(st.integers(1, 1000), st.lists(st.floats(0, 0.5), min_size=2, max_size=50))
def test_requests_never_come_faster_than_their_pace(per_second: int, gaps: list[float]) -> None:
    now, turns = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pace = Pace(per_second, now=lambda: now[0], sleep=sleep)
    for gap in gaps:
        now[0] += gap
        pace.wait()
        turns.append(now[0])
    between = [later - earlier for earlier, later in pairwise(turns)]
    assert min(between) >= 1 / per_second - 1e-9
