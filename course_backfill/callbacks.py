"""Which URLs a callback may go to: checked on a request, and again when connecting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from course_backfill.errors import InvalidInput, Problem
from course_backfill.networks import Address, Network, embedded_addresses, is_public
from course_backfill.settings import Settings

MAX_URL_BYTES = 2_048
POINTER = "/callback/url"

# One strict reading of a URL, so that no other parser can be made to see another host in it.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z]+)://"
    r"(?P<user>[^/?#]*@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][!-~]*)?"
)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")


@dataclass(frozen=True, slots=True)
class CallbackUrl:
    """A callback's URL in its parts; `target` is what follows the host, `/` at least."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == _usual_port(self.scheme)
        return host if is_usual else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class CallbackRules:
    """Public hosts over https on port 443; what the operator names may be anywhere, on any port.

    A host on the operator's list is trusted by its name, whatever it resolves to; a network by
    its addresses, whatever name leads there.
    """

    allowed_hosts: frozenset[str] = frozenset()
    allowed_networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules that the operator set."""
        return cls(
            allowed_hosts=frozenset(host.lower() for host in settings.callback_allowed_hosts),
            allowed_networks=settings.callback_allowed_networks,
        )

    def parse(self, url: str, *, pointer: str = POINTER) -> CallbackUrl:
        """The URL's parts; raises InvalidInput that names everything wrong with it."""
        faults = [] if _is_plain(url) else [f"at most {MAX_URL_BYTES} visible ASCII characters"]
        match = _URL.fullmatch(url)
        if match is None:
            faults.append("a URL such as https://lms.example.org/hook")
        if match is None or faults:
            raise _refused(pointer, *faults)
        parts = match.groupdict()
        target = parts["target"] or "/"
        found = CallbackUrl(
            scheme=parts["scheme"].lower(),
            host=parts["host"].strip("[]").lower(),
            port=int(parts["port"] or _usual_port(parts["scheme"].lower())),
            target=target if target.startswith("/") else f"/{target}",
        )
        if parts["user"]:
            faults.append("no user or password")
        if "#" in target:
            faults.append("no fragment")
        faults += self._faults(found)
        if faults:
            raise _refused(pointer, *faults)
        return found

    def check_addresses(self, url: CallbackUrl, addresses: Sequence[Address]) -> None:
        """Raises InvalidInput unless every address that the host resolved to may be called."""
        if url.host in self.allowed_hosts:
            return
        if not addresses or not all(self._is_allowed(one, url) for one in addresses):
            raise _refused(POINTER, "a host with public addresses alone")

    def _faults(self, url: CallbackUrl) -> list[str]:
        address = Address.parse(url.host)
        is_own = url.host in self.allowed_hosts or (
            address is not None and self._is_in_networks(address)
        )
        faults = []
        if url.scheme not in ({"https", "http"} if is_own else {"https"}):
            faults.append("https")
        if not 0 < url.port < 65_536 or (url.port != 443 and not is_own):
            faults.append("port 443")
        if address is not None and not is_own and not is_public(address):
            faults.append("a public address")
        if address is None and not _is_host_name(url.host, alone=is_own):
            faults.append("a full host name, or an address in its usual form")
        return faults

    def _is_allowed(self, address: Address, url: CallbackUrl) -> bool:
        if self._is_in_networks(address):
            return True
        return url.scheme == "https" and is_public(address)

    def _is_in_networks(self, address: Address) -> bool:
        carried = embedded_addresses(address) or [address.ip]
        return all(any(one in network for network in self.allowed_networks) for one in carried)


def _is_plain(url: str) -> bool:
    return len(url) <= MAX_URL_BYTES and url.isascii() and url.isprintable() and " " not in url


def _is_host_name(host: str, *, alone: bool) -> bool:
    """A name as DNS has it. A last label that is a number would be read as an address."""
    labels = host.split(".")
    is_name = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return is_name and (len(labels) > 1 or alone) and not _NUMBER.fullmatch(labels[-1])


def _usual_port(scheme: str) -> int:
    return 80 if scheme == "http" else 443


def _refused(pointer: str, *faults: str) -> InvalidInput:
    return InvalidInput(*(Problem(pointer, f"expected {fault}") for fault in faults))
