"""Merge-joins what a prefix holds with what it should hold; neither more nor less may be there."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby

from course_backfill.audits import SURPLUS
from course_backfill.inventory import Fault
from course_backfill.sorting import sort_records

_EXPECTED, _LISTED = 0, 1


def listing_faults(
    expected: Iterable[tuple[str, int]], listed: Iterable[tuple[str, int]]
) -> Iterator[tuple[str, Fault]]:
    """(key, what is wrong) for all that is missing, surplus or of another size.

    Both give keys and sizes: `expected` in any order, `listed` in the bytewise order of keys.
    """
    wanted = sort_records((key.encode(), b"%d" % size) for key, size in expected)
    merged = heapq.merge(
        ((key, _EXPECTED, size) for key, size in wanted),
        ((key.encode(), _LISTED, b"%d" % size) for key, size in listed),
    )
    for name, group in groupby(merged, key=lambda one: one[0]):
        key = name.decode()
        sizes = {side: size for _, side, size in group}
        if _LISTED not in sizes:
            yield key, Fault("object-missing", f"the listing lacks {key!r}")
        elif _EXPECTED not in sizes:
            yield key, Fault(SURPLUS, f"nothing of this course is called {key!r}")
        elif sizes[_LISTED] != sizes[_EXPECTED]:
            listed_size, size = sizes[_LISTED].decode(), sizes[_EXPECTED].decode()
            detail = f"{key!r} is listed with {listed_size} bytes, the entry says {size}"
            yield key, Fault("fixity-mismatch", detail)
