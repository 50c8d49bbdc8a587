"""Callback addresses: public https on port 443, and what the operator names; no other form."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.callbacks import MAX_URL_BYTES, CallbackRules
from course_backfill.errors import InvalidInput
from course_backfill.networks import Address, is_public

PUBLIC_ONLY = CallbackRules()
OWN = CallbackRules(
    allowed_hosts=frozenset({"hooks.internal"}),
    allowed_networks=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd12::/16")),
)

HOSTILE = [
    "http://lms.example.org/hook",
    "ftp://lms.example.org/hook",
    "https://lms.example.org:8443/hook",
    "https://lms.example.org:0/hook",
    "https://lms.example.org:99999/hook",
    "https://user@lms.example.org/hook",
    "https://user:password@lms.example.org/hook",
    "https://lms.example.org/hook#part",
    "https://lms.example.org#@evil.example/",
    "https://lms.example.org\\@evil.example/",
    "https://lms.example.org /hook",
    "https://lms.example.org/ho ok",
    "https://lms.example.org/\r\nX-Header: 1",
    "https://lms.example.org/\x00",
    "https://münchen.example/",
    "https:lms.example.org",
    "//lms.example.org/hook",
    "lms.example.org",
    "https://",
    "https:///hook",
    "https://.example.org/",
    "https://lms..example.org/",
    "https://lms.example.org./",
    "https://localhost/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://example.0x7f/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://169.254.170.2/v2/credentials",
    "https://100.64.0.1/",
    "https://192.88.99.1/",
    "https://224.0.1.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff0e::1]/",
    "https://[3fff::1]/",
    "https://[::1",
    "https://lms.example.org:/hook",
    "https://lms.example.org/" + "a" * MAX_URL_BYTES,
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_with_what_was_expected(url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        PUBLIC_ONLY.parse(url)
    assert all(one.pointer == "/callback/url" for one in refusal.value.problems)
    assert all(one.detail.startswith("expected ") for one in refusal.value.problems)


@pytest.mark.parametrize(
    ("url", "host", "target", "authority"),
    [
        ("https://lms.example.org/hook?a=1&b=@", "lms.example.org", "/hook?a=1&b=@", None),
        ("HTTPS://LMS.Example.org:443", "lms.example.org", "/", None),
        ("https://lms.example.org?x", "lms.example.org", "/?x", None),
        ("https://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example", "/", None),
        ("https://8.8.8.8/", "8.8.8.8", "/", None),
        ("https://[2606:4700::1111]/", "2606:4700::1111", "/", "[2606:4700::1111]"),
    ],
)
def test_a_public_url_is_read_into_its_parts(
    url: str, host: str, target: str, authority: str | None
) -> None:
    found = PUBLIC_ONLY.parse(url)
    assert (found.scheme, found.host, found.port, found.target) == ("https", host, 443, target)
    assert found.authority == (authority or host)


def test_every_fault_of_a_url_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refusal:
        PUBLIC_ONLY.parse("http://user@10.0.0.1:8080/hook#part")
    assert [one.detail for one in refusal.value.problems] == [
        "expected no user or password",
        "expected no fragment",
        "expected https",
        "expected port 443",
        "expected a public address",
    ]


@pytest.mark.parametrize(
    "url", ["http://hooks.internal:8080/", "http://10.1.2.3:9000/x", "https://[fd12::1]:8443/"]
)
def test_what_the_operator_names_may_be_private_on_any_port_and_plain(url: str) -> None:
    found = OWN.parse(url)
    address = Address.parse("127.0.0.1" if found.host == "hooks.internal" else found.host)
    assert address is not None
    OWN.check_addresses(found, [address])


@pytest.mark.parametrize(
    "url", ["http://10.2.0.1/", "https://other.internal:8080/", "http://lms.example.org/"]
)
def test_what_the_operator_does_not_name_stays_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        OWN.parse(url)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    url = PUBLIC_ONLY.parse("https://lms.example.org/")
    public, private = Address.parse("8.8.8.8"), Address.parse("::ffff:10.1.0.1")
    assert public is not None
    assert private is not None
    PUBLIC_ONLY.check_addresses(url, [public])
    OWN.check_addresses(url, [public, private])
    with pytest.raises(InvalidInput):
        PUBLIC_ONLY.check_addresses(url, [public, private])


def test_a_host_without_addresses_is_refused() -> None:
    with pytest.raises(InvalidInput):
        PUBLIC_ONLY.check_addresses(PUBLIC_ONLY.parse("https://lms.example.org/"), [])


PRIVATE_NETWORKS = [
    ipaddress.IPv4Network(text)
    for text in ("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                 "192.168.0.0/16", "100.64.0.0/10", "224.0.0.0/4", "240.0.0.0/4")
]  # fmt: skip
private_ipv4 = st.sampled_from(PRIVATE_NETWORKS).flatmap(
    lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(
        ipaddress.IPv4Address
    )
)
DISGUISES = [
    lambda ip: f"[::ffff:{ip}]",
    lambda ip: f"[64:ff9b::{ip}]",
    lambda ip: f"[2002:{int(ip) >> 16:x}:{int(ip) & 0xffff:x}::1]",
    lambda ip: f"[::{ip}]",
    str,
    lambda ip: str(int(ip)),
    lambda ip: hex(int(ip)),
    lambda ip: ".".join(f"0{int(part):o}" for part in str(ip).split(".")),
    lambda ip: ".".join(hex(int(part)) for part in str(ip).split(".")),
    lambda ip: "{}.{}.{}".format(*str(ip).split(".")[:2], int(ip) & 0xFFFF),
]  # fmt: skip


@given(ip=private_ipv4, disguise=st.sampled_from(DISGUISES))
def test_no_disguise_makes_a_private_address_acceptable(
    ip: ipaddress.IPv4Address, disguise: Callable[[ipaddress.IPv4Address], str]
) -> None:
    with pytest.raises(InvalidInput):
        PUBLIC_ONLY.parse(f"https://{disguise(ip)}/")


@given(st.ip_addresses())
def test_a_public_address_is_one_that_python_calls_global_too(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(Address(ip)):
        assert ip.is_global or ip in ipaddress.ip_network("::ffff:0:0/96")
        assert not ip.is_multicast


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_what_is_read_goes_to_a_public_https_host(
    text: str,
) -> None:
    for url in (text, f"https://{text}", f"https://lms.example.org/{text}"):
        try:
            found = PUBLIC_ONLY.parse(url)
        except InvalidInput:
            continue
        assert (found.scheme, found.port) == ("https", 443)
        assert not set(found.host) & set("@/?#\\ ")
        assert found.target.isprintable()
