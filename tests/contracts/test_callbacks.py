"""Callbacks on the network and in memory: what is delivered, and what is never connected to."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from course_backfill.adapters.callback_http import HttpCallbackSender
from course_backfill.adapters.memory_callbacks import Delivery, MemoryCallbackSender
from course_backfill.callbacks import CallbackRules
from course_backfill.networks import Address
from course_backfill.ports import CallbackFailed, CallbackSender
from tests.contracts.callback_receivers import certificate, raw_receiving, receiving

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
OWN = CallbackRules(allowed_hosts=frozenset({"hooks.test"}), allowed_networks=(LOOPBACK,))
PUBLIC_ONLY = CallbackRules()


@dataclass
class Stage:
    """A sender, and one receiver that it can reach at `url`."""

    sender: CallbackSender
    url: str
    answer: Callable[[int], None]
    got: list[Delivery]
    resolves: Callable[[str, list[str]], CallbackSender]
    """The same sender under public-only rules, with a name that resolves so."""


@pytest.fixture(params=["http", "memory"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "http":
        with receiving() as receiver:
            yield Stage(
                HttpCallbackSender(OWN),
                f"http://127.0.0.1:{receiver.port}",
                lambda status: setattr(receiver, "status", status),
                receiver.got,
                lambda host, found: HttpCallbackSender(
                    PUBLIC_ONLY, resolve=resolving({host: found})
                ),
            )
        return
    answers = [200]
    memory = MemoryCallbackSender(OWN, receivers={"127.0.0.1": lambda _: answers[-1]})
    yield Stage(
        memory,
        "http://127.0.0.1:8080",
        answers.append,
        memory.delivered,
        lambda host, found: MemoryCallbackSender(PUBLIC_ONLY, addresses={host: found}),
    )


def resolving(names: dict[str, list[str]]) -> Callable[[str, int], list[Address]]:
    def resolve(host: str, port: int) -> list[Address]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [found for text in names[host] if (found := Address.parse(text))]

    return resolve


def test_the_body_and_headers_arrive_as_given_and_the_status_comes_back(stage: Stage) -> None:
    answer = stage.sender.post(f"{stage.url}/hook?course=1", b'{"id": 1}', {"X-Event": "e"})
    assert answer == 200
    [delivery] = stage.got
    assert delivery.body == b'{"id": 1}'
    assert {name.lower(): value for name, value in delivery.headers.items()}["x-event"] == "e"
    assert delivery.url.endswith("/hook?course=1")


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_whatever_the_receiver_answers_is_an_answer(stage: Stage, status: int) -> None:
    stage.answer(status)
    assert stage.sender.post(stage.url, b"{}", {}) == status


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["2606:4700::1111", "fd00:ec2::254"],
        [],
    ],
)
def test_a_name_with_one_private_address_is_never_connected_to(
    stage: Stage, found: list[str]
) -> None:
    sender = stage.resolves("lms.example.org", found)
    with pytest.raises(CallbackFailed, match="not allowed"):
        sender.post("https://lms.example.org/", b"{}", {})
    assert stage.got == []


def test_a_name_that_cannot_be_resolved_is_a_failure_and_not_a_way_around(stage: Stage) -> None:
    sender = stage.resolves("lms.example.org", ["8.8.8.8"])
    with pytest.raises(CallbackFailed, match="cannot be resolved"):
        sender.post("https://other.example.org/?key=canary", b"{}", {})


def test_a_refused_url_is_refused_again_when_connecting(stage: Stage) -> None:
    with pytest.raises(CallbackFailed, match="not allowed") as failed:
        stage.resolves("x", []).post("http://u:canary@10.0.0.1/?key=canary", b"{}", {})
    assert "canary" not in str(failed.value)


def test_nothing_listening_is_a_failure_that_repeats_nothing_of_the_url() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(CallbackFailed) as failed:
        HttpCallbackSender(OWN).post(f"http://127.0.0.1:{port}/?key=canary", b"{}", {})
    assert "canary" not in str(failed.value)


def test_tls_is_checked_against_the_name_while_the_address_is_the_resolved_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server, client = certificate(tmp_path, "hooks.test")
    resolve = resolving({"hooks.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]})
    with receiving(tls=server) as receiver, caplog.at_level(logging.INFO):
        sender = HttpCallbackSender(OWN, resolve=resolve, tls=client)
        url = f"https://hooks.test:{receiver.port}/hook?key=canary"
        assert sender.post(url, b"{}", {}) == 200
        assert receiver.got[0].headers["host"] == f"hooks.test:{receiver.port}"
        trusting = CallbackRules(allowed_hosts=frozenset({"other.test"}))
        stranger = HttpCallbackSender(trusting, resolve=resolve, tls=client)
        with pytest.raises(CallbackFailed, match="connection failed"):
            stranger.post(f"https://other.test:{receiver.port}/", b"{}", {})
    assert "canary" not in caplog.text


def test_a_name_is_resolved_once_so_that_it_cannot_change_between_check_and_connection() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[Address]:
        asked.append(host)
        address = Address.parse("127.0.0.1" if len(asked) == 1 else "169.254.169.254")
        return [address] if address else []

    with receiving() as receiver:
        sender = HttpCallbackSender(OWN, resolve=rebinding)
        assert sender.post(f"http://hooks.test:{receiver.port}/", b"{}", {}) == 200
    assert asked == ["hooks.test"]


def test_a_redirect_is_answered_and_not_followed() -> None:
    with receiving() as target, receiving() as receiver:
        receiver.status, receiver.location = 307, f"http://127.0.0.1:{target.port}/"
        assert HttpCallbackSender(OWN).post(
            f"http://127.0.0.1:{receiver.port}/", b"{}", {}
        ) == 307  # fmt: skip
        assert target.got == []


def test_the_proxies_of_the_surroundings_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        HttpCallbackSender(OWN).post(f"http://127.0.0.1:{receiver.port}/", b"{}", {})
        assert (len(receiver.got), proxy.got) == (1, [])


def test_a_receiver_that_never_answers_is_given_up() -> None:
    done = threading.Event()
    with raw_receiving(b"HTTP/1.1 ", until=done) as port:
        sender = HttpCallbackSender(OWN, total_seconds=0.3)
        with pytest.raises(CallbackFailed):
            sender.post(f"http://127.0.0.1:{port}/", b"{}", {})


def test_an_answer_whose_body_never_ends_is_an_answer() -> None:
    done = threading.Event()
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 1_000
    with raw_receiving(head, until=done) as port:
        assert HttpCallbackSender(OWN).post(f"http://127.0.0.1:{port}/", b"{}", {}) == 200


def test_an_answer_that_is_not_http_is_a_failure() -> None:
    done = threading.Event()
    with (
        raw_receiving(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", until=done) as port,
        pytest.raises(CallbackFailed, match="connection failed"),
    ):
        HttpCallbackSender(OWN).post(f"http://127.0.0.1:{port}/", b"{}", {})
