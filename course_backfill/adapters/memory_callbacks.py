"""Callbacks in memory: the twin of the network, with receivers that tests bring about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from course_backfill.callbacks import CallbackRules
from course_backfill.errors import InvalidInput
from course_backfill.networks import Address
from course_backfill.ports import CallbackFailed


@dataclass(frozen=True, slots=True)
class Delivery:
    """A callback as its receiver got it."""

    url: str
    body: bytes
    headers: Mapping[str, str]


Receiver = Callable[[Delivery], int]
"""Answers a delivery with a status; may raise CallbackFailed."""


@dataclass(slots=True)
class MemoryCallbackSender:
    """Hands callbacks to the receivers of their hosts; where there is none, nothing listens."""

    rules: CallbackRules
    addresses: dict[str, list[str]] = field(default_factory=dict)
    """What the names resolve to; a name that is not there cannot be resolved."""
    receivers: dict[str, Receiver] = field(default_factory=dict)
    delivered: list[Delivery] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """See CallbackSender."""
        host = self._checked(url)
        if host not in self.receivers:
            raise CallbackFailed("the connection failed: it was refused")
        delivery = Delivery(url, body, dict(headers))
        self.delivered.append(delivery)
        return self.receivers[host](delivery)

    def _checked(self, url: str) -> str:
        try:
            target = self.rules.parse(url)
            is_literal = Address.parse(target.host) is not None
            found = [target.host] if is_literal else self.addresses.get(target.host)
            if found is None:
                raise CallbackFailed("the host's name cannot be resolved")
            parsed = (Address.parse(text) for text in found)
            self.rules.check_addresses(target, [one for one in parsed if one is not None])
        except InvalidInput as refusal:
            expected = "; ".join(problem.detail for problem in refusal.problems)
            raise CallbackFailed(f"this address is not allowed: {expected}") from None
        return target.host
