"""Calls that need digests nobody has counted yet, of too many bytes to count within the call."""

from collections.abc import Iterable

from course_backfill.local.embedded_aws.blobs import Blob

COUNTED_AT_ONCE = 1024 * 1024
"""So many bytes are counted within a call, in about two milliseconds; more beside other calls."""


class DigestsWanted(Exception):
    """The call had no effect yet; it is to be repeated once `blob` knows these digests."""

    def __init__(self, blob: Blob, algorithms: set[str]) -> None:
        super().__init__(blob, algorithms)
        self.blob = blob
        self.algorithms = algorithms


def require_counted(blob: Blob, algorithms: Iterable[str]) -> None:
    """Raises DigestsWanted where counting would keep others waiting."""
    missing = blob.uncounted(algorithms)
    if missing and blob.size > COUNTED_AT_ONCE:
        raise DigestsWanted(blob, missing)
