"""Wiring of several locations: each is reached in its own region and role."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.setup import create_resources
from course_backfill.errors import StorageRefused, StorageUnavailable
from course_backfill.settings import Settings
from tests.contracts.object_stores.meddling_proxy import header, meddling_proxy
from tests.contracts.several_locations import ROLE, order


@pytest.fixture
def wiring(several: Settings, several_clients: AwsClients) -> Iterator[ConnectedWiring]:
    """The wiring of an installation that was set up."""
    create_resources(several, several_clients)
    made = ConnectedWiring(several)
    yield made
    made.close()


def store(wiring: ConnectedWiring, name: str, storage_class: str | None = None) -> None:
    location = wiring.locations[name]
    wiring.writer(location, storage_class).create(
        f"{location.prefix}k",
        b"hello",
        sha256=hashlib.sha256(b"hello").hexdigest(),
        content_type="text/plain",
    )


@pytest.mark.parametrize(
    ("name", "storage_class"),
    [
        ("primary", "STANDARD"),
        ("beside", "STANDARD"),
        ("far", "STANDARD"),
        ("archive", "DEEP_ARCHIVE"),
    ],
)
def test_every_location_is_written_and_read_where_it_is(
    wiring: ConnectedWiring, name: str, storage_class: str
) -> None:
    location = wiring.locations[name]

    store(wiring, name)

    stat = wiring.reader(location).stat(f"{location.prefix}k")
    assert stat is not None
    assert stat.storage_class == storage_class


def test_manifest_files_are_standard_wherever_they_lie(wiring: ConnectedWiring) -> None:
    store(wiring, "archive", "STANDARD")

    assert b"".join(wiring.reader(wiring.locations["archive"]).read("k")) == b"hello"


@pytest.mark.parametrize(("name", "key"), [("beside", "beside/k"), ("far", "k")])
def test_s3_copies_between_regions_and_prefixes(
    wiring: ConnectedWiring, name: str, key: str
) -> None:
    store(wiring, "primary")
    target = wiring.locations[name]
    copier = wiring.copier(wiring.primary, target)
    source = wiring.reader(wiring.primary).stat("k")
    assert copier is not None
    assert source is not None
    assert source.etag is not None

    copier.copy("k", etag=source.etag, key=key, size=5, content_type="text/plain")

    assert b"".join(wiring.reader(target).read(key)) == b"hello"


def test_a_large_object_is_looked_at_in_its_own_region(wiring: ConnectedWiring) -> None:
    content = bytes(65 * 1024 * 1024)
    wiring.buckets.boto.put_object(Bucket=wiring.primary.bucket, Key="k", Body=content)
    far = wiring.locations["far"]
    copier, source = wiring.copier(wiring.primary, far), wiring.reader(wiring.primary).stat("k")
    assert copier is not None
    assert source is not None
    assert source.etag is not None
    asked = paths_asked(wiring, "far")

    copier.copy("k", etag=source.etag, key="k", size=len(content), content_type="video/mp4")

    found = wiring.reader(far).stat("k")
    assert found is not None
    assert (found.size, found.crc64) == (len(content), source.crc64)
    assert not [path for path in asked if path.startswith(f"/{wiring.primary.bucket}")]


def paths_asked(wiring: ConnectedWiring, name: str) -> list[str]:
    """The paths that the location's clients ask for from now on."""
    asked: list[str] = []

    def note(request: Any, **_: Any) -> None:
        asked.append(urlsplit(request.url).path)

    wiring._s3_of(wiring.locations[name]).boto.meta.events.register("before-send.s3", note)
    return asked


def test_nothing_is_copied_inside_s3_between_roles(wiring: ConnectedWiring) -> None:
    archive = wiring.locations["archive"]
    assert wiring.copier(wiring.primary, archive) is None
    assert wiring.copier(archive, wiring.primary) is None
    assert wiring.copier(archive, archive) is not None


def test_locations_that_are_reached_alike_share_their_connections(
    wiring: ConnectedWiring,
) -> None:
    one, other = wiring._s3_of(wiring.primary), wiring._s3_of(wiring.locations["beside"])
    assert one is other is wiring.buckets
    assert wiring._s3_of(wiring.locations["far"]) is wiring._s3_of(wiring.locations["far"])


def test_only_the_locations_role_signs_for_its_bucket(
    several: Settings, wiring: ConnectedWiring
) -> None:
    signed: dict[str, set[str]] = {}
    for name in ("far", "archive"):
        boto = wiring._s3_of(wiring.locations[name]).boto

        def note(request: Any, name: str = name, **_: Any) -> None:
            signed.setdefault(name, set()).add(request.headers.get("X-Amz-Security-Token") or "")

        boto.meta.events.register("before-send.s3", note)
        list(wiring.reader(wiring.locations[name]).list(""))

    assert signed["far"] == {""}
    assert "" not in signed["archive"]


def test_small_objects_are_sent_and_read_in_the_role_too(
    wiring: ConnectedWiring, aws_endpoint: str
) -> None:
    with meddling_proxy(aws_endpoint) as line:
        archive = wiring.locations["archive"].model_copy(update={"endpoint_url": line.url})
        wiring.writer(archive, "STANDARD").create(
            "k", b"hello", sha256=hashlib.sha256(b"hello").hexdigest(), content_type="text/plain"
        )
        assert b"".join(wiring.reader(archive).read("k")) == b"hello"

    assert [one.method for one in line.requests] == ["PUT", "GET"]
    assert all(header(one, "x-amz-security-token") for one in line.requests)
    assert not [one for one in line.requests if "boto" in header(one, "user-agent").lower()]


@pytest.mark.usefixtures("refused_role")
def test_a_worker_whose_role_is_refused_says_which(several: Settings) -> None:
    wiring = ConnectedWiring(several)
    archive = several.locations[-1]

    with pytest.raises(StorageRefused, match=ROLE):
        wiring.reader(archive).stat("k")
    with pytest.raises(StorageRefused, match=ROLE):
        list(wiring.reader(archive).read("k"))
    wiring.close()


def test_a_role_that_cannot_be_asked_for_is_an_outage(several: Settings, aws_endpoint: str) -> None:
    fault = {"service": "sts", "times": 1000, "status": 503, "code": "ServiceUnavailable"}
    order(aws_endpoint, "POST", fault)
    wiring = ConnectedWiring(several)
    try:
        with pytest.raises(StorageUnavailable):
            wiring.reader(several.locations[-1]).stat("k")
    finally:
        order(aws_endpoint, "DELETE", None)
        wiring.close()


@pytest.mark.usefixtures("refused_role")
def test_no_stack_trace_of_a_refused_role_is_logged(
    several: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    wiring = ConnectedWiring(several)
    with caplog.at_level(logging.WARNING), pytest.raises(StorageRefused):
        wiring.reader(several.locations[-1]).stat("k")
    wiring.close()

    assert not [record for record in caplog.records if record.exc_info]
