"""What an HTTP API of API Gateway makes of a request: the paths that it hands over are seen so.

It decodes a path, cuts it at the first `?` that this gives, and decodes it again; it refuses (400)
what cannot be decoded then. The query is handed over as it was sent.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.services.api_world import Answered, ApiWorld

ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)


def delivered_path(sent: str) -> str | None:
    """The path as the function gets it; None for one that the gateway refuses."""
    once = unquote(sent).partition("?")[0]
    return unquote(once) if ENCODED.fullmatch(once) else None


def get(world: ApiWorld, url: str) -> Answered | None:
    """Asks through the gateway; None where it refuses by itself."""
    path, _, query = url.partition("?")
    delivered = delivered_path(path)
    return None if delivered is None else world.get(delivered, query=query)
