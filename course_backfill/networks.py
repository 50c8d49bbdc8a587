"""Addresses: which of them are on the public internet, whatever form they hide in."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

# What `ipaddress` calls global in some Python versions, and nobody's server is at.
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
        ),
    )
)
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_LOW_32_BITS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address, from its usual form alone."""

    ip: Ip

    @classmethod
    def parse(cls, text: str) -> Address | None:
        """None for what is no address, has a zone, or is an IPv4 address in an unusual form."""
        try:
            return cls(ipaddress.ip_address(text)) if "%" not in text else None
        except ValueError:
            return None

    def __str__(self) -> str:
        return str(self.ip)


def is_public(address: Address) -> bool:
    """Whether a server on the public internet can have this address.

    An address that carries an IPv4 address is as public as that one, and no more.
    """
    carried = embedded_addresses(address)
    return all(_is_public(one) for one in carried or [address.ip])


def embedded_addresses(address: Address) -> list[Ip]:
    """The IPv4 address inside a mapped, translated or 6to4 address; empty where there is none."""
    ip = address.ip
    if isinstance(ip, ipaddress.IPv4Address):
        return []
    if ip in _SIX_TO_FOUR:
        return [ipaddress.IPv4Address((int(ip) >> 80) & _LOW_32_BITS)]
    if ip in _MAPPED or ip in _TRANSLATED:
        return [ipaddress.IPv4Address(int(ip) & _LOW_32_BITS)]
    return []


def _is_public(ip: Ip) -> bool:
    if isinstance(ip, ipaddress.IPv6Address) and ip not in _PUBLIC_IPV6:
        return False
    is_reserved = any(ip in network for network in _NOT_PUBLIC)
    return ip.is_global and not ip.is_multicast and not is_reserved
