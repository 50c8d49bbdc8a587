"""How a worker dies in tests."""

from __future__ import annotations


class Killed(BaseException):
    """No handler, no finally, no goodbye: nothing of ours catches it."""
