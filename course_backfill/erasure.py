"""Erasure: what may ever be deleted is the prefix of one version, and nothing above it.

Uploads that nobody completes may be aborted below the prefix of a course.
"""

from __future__ import annotations

import re

_COURSE_PREFIX = re.compile(r"([A-Za-z0-9!_.*'()-]+/)*courses/[^/]+/")
_VERSION_PREFIX = re.compile(_COURSE_PREFIX.pattern + r"v[1-9][0-9]{0,8}/")


class NotErasable(ValueError):
    """The prefix is not that of one course, or of one version of it; nothing was touched."""


def check_erasable(prefix: str) -> None:
    """Raises NotErasable unless the prefix is `…courses/{course}/v{n}/`."""
    if not _VERSION_PREFIX.fullmatch(prefix):
        raise NotErasable(
            f"refused to erase {prefix!r}: only a prefix such as courses/{{course}}/v1/ can be"
        )


def check_abortable(prefix: str) -> None:
    """Raises NotErasable unless the prefix is `…courses/{course}/`."""
    if not _COURSE_PREFIX.fullmatch(prefix):
        raise NotErasable(
            f"refused to abort uploads below {prefix!r}: only a prefix such as courses/{{course}}/ "
            "can be"
        )
