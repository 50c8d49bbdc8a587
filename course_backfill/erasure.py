"""Erasure: what may ever be deleted is the prefix of one version, and nothing above it."""

from __future__ import annotations

import re

_VERSION_PREFIX = re.compile(r"([A-Za-z0-9!_.*'()-]+/)*courses/[^/]+/v[1-9][0-9]{0,8}/")


class NotErasable(ValueError):
    """The prefix is not that of one version of one course; nothing was touched."""


def check_erasable(prefix: str) -> None:
    """Raises NotErasable unless the prefix is `…courses/{course}/v{n}/`."""
    if not _VERSION_PREFIX.fullmatch(prefix):
        raise NotErasable(
            f"refused to erase {prefix!r}: only a prefix such as courses/{{course}}/v1/ can be"
        )
