"""Every case here runs on a bucket in memory and on a real S3 server, with versions and without."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import boto3
import pytest

from course_backfill.adapters.s3_clients import S3Clients
from tests.contracts.object_stores.buckets import Bucket, MemoryBuckets, S3Buckets
from tests.contracts.object_stores.locations import Locations, MemoryLocations, S3Locations
from tests.contracts.object_stores.meddling_proxy import SECRET, Proxy, meddling_proxy


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An embedded AWS in a process of its own, so that memory can be measured in this one."""
    server = subprocess.Popen(  # noqa: S603 -- The command is this project's.
        [
            sys.executable,
            "-m",
            "course_backfill.local.embedded_aws",
            f"--data-dir={tmp_path_factory.mktemp('s3')}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout is not None
        word, _, url = server.stdout.readline().strip().partition(" ")
        assert word == "Ready:"
        yield url
        server.terminate()


@pytest.fixture(scope="session")
def clients(s3_url: str) -> S3Clients:
    session = boto3.Session("local", "local", region_name="us-east-1")
    return S3Clients(session, endpoint_url=s3_url, concurrency=16, attempts=2)


@pytest.fixture(params=["memory", "memory-versioned", "s3", "s3-versioned"])
def bucket(request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """A fresh bucket of each kind."""
    yield from _fresh_bucket(request)


@pytest.fixture(params=["s3", "s3-versioned"])
def s3_bucket(request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """A fresh bucket on S3, for what a bucket in memory does not have."""
    yield from _fresh_bucket(request)


@pytest.fixture(params=["memory", "memory-versioned", "s3", "s3-versioned"])
def locations(request: pytest.FixtureRequest) -> Iterator[Locations]:
    """Two fresh buckets of each kind, and the ports between them."""
    kind = str(request.param)
    is_versioned = kind.endswith("versioned")
    made: Locations
    if kind.startswith("memory"):
        made = MemoryLocations(is_versioned=is_versioned)
    else:
        made = S3Locations(request.getfixturevalue("clients"), is_versioned=is_versioned)
    yield made
    made.heal()


def _fresh_bucket(request: pytest.FixtureRequest) -> Iterator[Bucket]:
    kind = str(request.param)
    is_versioned = kind.endswith("versioned")
    bucket: Bucket
    if kind.startswith("memory"):
        bucket = MemoryBuckets(is_versioned=is_versioned)
    else:
        clients: S3Clients = request.getfixturevalue("clients")
        bucket = S3Buckets(clients, clients.boto, is_versioned=is_versioned)
    yield bucket
    bucket.heal()


@pytest.fixture(scope="session")
def line(s3_url: str) -> Iterator[Proxy]:
    """A proxy before the server, which tests make misbehave."""
    with meddling_proxy(s3_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def clients_on_the_line(line: Proxy) -> S3Clients:
    """Clients that know the proxy only."""
    session = boto3.Session("local", SECRET, region_name="us-east-1")
    return S3Clients(session, endpoint_url=line.url, attempts=2)


@pytest.fixture
def bucket_on_the_line(
    line: Proxy, clients_on_the_line: S3Clients, clients: S3Clients
) -> S3Buckets:
    """A fresh bucket behind the proxy, which lets everything pass at first."""
    line.reset()
    return S3Buckets(clients_on_the_line, clients.boto, is_versioned=False)


@pytest.fixture
def locations_on_the_line(line: Proxy, clients_on_the_line: S3Clients) -> Iterator[S3Locations]:
    """Two fresh buckets behind the proxy, which lets everything pass at first."""
    line.reset()
    made = S3Locations(clients_on_the_line, is_versioned=False)
    yield made
    line.reset()
    made.heal()


@pytest.fixture
def unused_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
