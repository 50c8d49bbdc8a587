"""Merge-joins what a prefix holds with what it should hold; neither more nor less may be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from course_backfill.audits import SURPLUS
from course_backfill.inventory import Fault
from course_backfill.merging import merged_by_key
from course_backfill.sorting import sort_records


def listing_faults(
    expected: Iterable[tuple[str, int]], listed: Iterable[tuple[str, int]]
) -> Iterator[tuple[str, Fault]]:
    """(key, what is wrong) for all that is missing, surplus or of another size.

    Both give keys and sizes: `expected` in any order, `listed` in the bytewise order of keys.
    """
    wanted = sort_records((key.encode(), b"%d" % size) for key, size in expected)
    merged = merged_by_key(
        ((key, int(size)) for key, size in wanted),
        ((key.encode(), size) for key, size in listed),
    )
    for name, should, has in merged:
        key = name.decode()
        if not has:
            yield key, Fault("object-missing", f"the listing lacks {key!r}")
        elif not should:
            yield key, Fault(SURPLUS, f"nothing of this course is called {key!r}")
        elif has[-1] != should[-1]:
            detail = f"{key!r} is listed with {has[-1]} bytes, the entry says {should[-1]}"
            yield key, Fault("fixity-mismatch", detail)
