"""The regions of AWS, as the SDK at hand lists them: a mistyped one is no place to deploy to."""

from __future__ import annotations

import difflib
from functools import cache

from botocore.loaders import Loader


@cache
def known_regions() -> frozenset[str]:
    """Of all partitions, from the data that botocore brings along: nobody is asked."""
    # Not by a session, which fails where AWS_PROFILE names a profile that this machine has not.
    partitions = Loader().load_data("endpoints")["partitions"]
    return frozenset(region for partition in partitions for region in partition["regions"])


def known_region(name: str) -> str:
    """The region itself; raises ValueError, which names the most similar one, for an unknown."""
    regions = known_regions()
    if name not in regions:
        (closest,) = difflib.get_close_matches(name, sorted(regions), n=1, cutoff=0)
        raise ValueError(
            f"expected a region of AWS, and botocore knows no {name!r}; did you mean {closest}? "
            "One that is newer than it needs a newer botocore"
        )
    return name
