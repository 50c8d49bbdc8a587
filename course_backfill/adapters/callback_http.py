"""Posts callbacks over HTTP: once, to the address that was checked, following nobody."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence

import httpx

from course_backfill.callbacks import CallbackRules, CallbackUrl
from course_backfill.errors import InvalidInput
from course_backfill.networks import Address
from course_backfill.ports import CallbackFailed

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0

Resolve = Callable[[str, int], Sequence[Address]]
"""Every address of a host; raises OSError where there is none."""


def resolve(host: str, port: int) -> list[Address]:
    """Asks the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = (Address.parse(str(entry[4][0])) for entry in found)
    return [address for address in addresses if address is not None]


class HttpCallbackSender:
    """The CallbackSender of the network.

    The name is resolved once, every address must be allowed, and the connection goes to one of
    exactly these, with the name in TLS and in the Host header: an answer of DNS that changes in
    between changes nothing. No proxy, no cookie, no redirect; a failing resolver is a failure.
    """

    def __init__(
        self,
        rules: CallbackRules,
        *,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._rules = rules
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """See CallbackSender."""
        target, address = self._checked(url)
        sending = self._send(_request(target, address, body, headers))
        try:
            return asyncio.run(asyncio.wait_for(sending, self._total_seconds))
        except TimeoutError:
            raise CallbackFailed(f"no answer within {self._total_seconds:g} seconds") from None
        except httpx.TimeoutException:
            raise CallbackFailed("the receiver is too slow, or nothing listens there") from None
        except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
            # Their texts may repeat parts of the URL.
            is_refused = isinstance(error, httpx.ConnectError)
            how = "it was refused, or TLS was not agreed on" if is_refused else "it broke off"
            raise CallbackFailed(f"the connection failed: {how}") from None

    def _checked(self, url: str) -> tuple[CallbackUrl, Address]:
        try:
            target = self._rules.parse(url)
            literal = Address.parse(target.host)
            addresses = [literal] if literal else self._resolve(target.host, target.port)
            self._rules.check_addresses(target, addresses)
        except InvalidInput as refusal:
            expected = "; ".join(problem.detail for problem in refusal.problems)
            raise CallbackFailed(f"this address is not allowed: {expected}") from None
        except (OSError, UnicodeError):
            raise CallbackFailed("the host's name cannot be resolved") from None
        return target, addresses[0]

    async def _send(self, request: httpx.Request) -> int:
        # The transport alone: a client would follow the surroundings' proxies, and log the URL.
        async with httpx.AsyncHTTPTransport(verify=self._tls) as transport:
            request.extensions["timeout"] = httpx.Timeout(
                self._total_seconds, connect=self._connect_seconds
            ).as_dict()
            response = await transport.handle_async_request(request)
            # Only the status counts: a body that is huge, or never ends, is not even read.
            await response.aclose()
            return response.status_code


def _request(
    target: CallbackUrl, address: Address, body: bytes, headers: Mapping[str, str]
) -> httpx.Request:
    pinned = httpx.URL(
        scheme=target.scheme,
        host=str(address),
        port=target.port,
        raw_path=target.target.encode("ascii"),
    )
    own = {
        "Host": target.authority,
        "User-Agent": "course-backfill",
        "Accept": "*/*",
        "Connection": "close",
    }
    extensions = {"sni_hostname": target.host} if target.scheme == "https" else {}
    return httpx.Request(
        "POST", pinned, headers={**own, **headers}, content=body, extensions=extensions
    )
