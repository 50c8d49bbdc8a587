"""Merge-joins what a prefix holds with what it should hold; neither more nor less may be there."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby

from course_backfill.inventory import Fault
from course_backfill.manifests import MANIFEST_FILES, Entry
from course_backfill.ports import ObjectStat
from course_backfill.sorting import sort_records

_EXPECTED, _LISTED = 0, 1


def listing_faults(
    prefix: str, entries: Iterable[Entry], listed: Iterable[ObjectStat]
) -> Iterator[tuple[str, Fault]]:
    """(key below the prefix, what is wrong) for all that is missing, surplus or of another size.

    `entries` in any order; `listed` in the order of keys. Manifest files may be there already,
    from an attempt that got further.
    """
    expected = sort_records((entry.key.encode(), b"%d" % entry.source.size) for entry in entries)
    actual = ((stat.key.removeprefix(prefix).encode(), b"%d" % stat.size) for stat in listed)
    merged = heapq.merge(
        ((key, _EXPECTED, size) for key, size in expected),
        ((key, _LISTED, size) for key, size in actual),
    )
    for name, group in groupby(merged, key=lambda one: one[0]):
        key = name.decode()
        sizes = {side: size for _, side, size in group}
        if _LISTED not in sizes:
            yield key, Fault("object-missing", f"the listing lacks {key!r}")
        elif _EXPECTED not in sizes:
            if key not in MANIFEST_FILES:
                yield key, Fault("surplus-object", f"nothing of this ingest is called {key!r}")
        elif sizes[_LISTED] != sizes[_EXPECTED]:
            listed_size, size = sizes[_LISTED].decode(), sizes[_EXPECTED].decode()
            detail = f"{key!r} is listed with {listed_size} bytes, the entry says {size}"
            yield key, Fault("fixity-mismatch", detail)
