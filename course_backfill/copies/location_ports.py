"""More ports of locations: copying within S3, restoring, replacing what is damaged, erasing.

Every verb raises StorageUnavailable when trying again may help and StorageRefused when not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from course_backfill.cold.storage import Tier


class ObjectCopier(Protocol):
    """Copies inside S3 from one location to another, create-only; no byte passes through here."""

    def copy(self, source_key: str, *, etag: str, key: str, size: int, content_type: str) -> None:
        """Makes the object at `key` out of the source's object as its ETag names it.

        The checksum that S3 stores of the whole object is carried over and checked. Raises
        ObjectExists where something is at `key` already (perhaps from an earlier try of this very
        call: compare before you conclude anything), ObjectChanged where the source has another
        ETag by now or is gone, ObjectCold where it must be restored first, CopyRefused where S3
        copies nothing between the two from here.
        """
        ...


class ObjectRestorer(Protocol):
    """Asks for restored copies of cold objects of one location; never waits for them."""

    def restore(self, key: str, *, days: int | None, tier: Tier) -> None:
        """Asks for a copy that lasts so many days; None for Intelligent-Tiering, which keeps it.

        A restore that is under way already, and an object that is warm, are success. Of a copy
        that is there already, `days` count anew. A restore under way is sped up where `tier` is
        faster than its own. Raises NotFound where there is no object, ExpeditedUnavailable where
        S3 has no capacity for Expedited at the moment.
        """
        ...


class ObjectRepairer(Protocol):
    """Replaces a damaged object, and only that: the one exception to create-only writes."""

    def replace(
        self, key: str, content: Iterable[bytes], *, etag: str, size: int, content_type: str
    ) -> None:
        """Stores the content at `key` if the object there still has this ETag.

        The blocks must add up to `size` bytes; memory stays bounded. What raises inside the
        blocks comes through, and the object stays as it was. Raises ObjectChanged where the
        object has another ETag by now or is gone, unless an earlier try made it what it should be.
        """
        ...


class ObjectEraser(Protocol):
    """Removes what a failed ingest left. Only the janitor holds one."""

    def erase(self, prefix: str) -> int:
        """Aborts uploads and deletes every object, version and delete marker below the prefix.

        Returns how many things it removed; 0 means that nothing was there.
        """
        ...

    def abort_uploads(self, prefix: str) -> int:
        """Aborts every upload below the prefix of a course, and touches no object.

        Returns how many there were. One that is begun meanwhile may be aborted as well.
        """
        ...
