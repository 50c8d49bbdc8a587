"""A source whose URI is a secret: what a warm worker does when secret or password change."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.secret_source import SecretSource
from course_backfill.courses import CourseId
from course_backfill.errors import (
    CourseBackfillError,
    LoginRefused,
    SecretRefused,
    SecretsUnavailable,
    SourceRefused,
    SourceUnavailable,
)
from course_backfill.settings import Settings
from tests.contracts.mongod_process import MongodProcess, running_mongod
from tests.contracts.source_fixtures import MongoContent
from tests.contracts.vaults import PASSWORD, Vault

COURSE = CourseId.parse("course-v1:Org1+CS101+R1")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongodProcess]:
    """A server that asks for a login; root's password is the one of this file."""
    with running_mongod(tmp_path_factory.mktemp("guarded"), "--auth") as process:
        with process.direct_client() as client:
            client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        with process.direct_client(username="root", password=PASSWORD) as client:
            MongoContent(client["edxapp"]).save(COURSE, "a.txt", b"a")
        yield process


@pytest.fixture
def reader(guarded: MongodProcess) -> Iterator[str]:
    """A user whose password is "first"."""
    name = f"reader-{uuid.uuid4().hex[:8]}"
    roles: list[dict[str, Any]] = [{"role": "read", "db": "edxapp"}]
    with guarded.direct_client(username="root", password=PASSWORD) as client:
        client.admin.command("createUser", name, pwd="first", roles=roles)
        yield name
        client.admin.command("dropUser", name)


def change_password(guarded: MongodProcess, user: str, password: str) -> None:
    """As a rotation does; what is logged in already is cut off, as by a server that restarts."""
    with guarded.direct_client(username="root", password=PASSWORD) as client:
        client.admin.command("updateUser", user, pwd=password)
        client.admin.command("killAllSessions", [{"user": user, "db": "admin"}])


def uri_of(guarded: MongodProcess, user: str, password: str) -> str:
    return (
        f"mongodb://{user}:{password}@{guarded.host}/?maxIdleTimeMS=1&serverSelectionTimeoutMS=1000"
    )


def inventory(wiring: ConnectedWiring) -> list[str]:
    return [found.path for found in wiring.source.inventory(COURSE, check_chunks=True)]


def wired(settings: Settings) -> Iterator[ConnectedWiring]:
    wiring = ConnectedWiring(settings)
    try:
        yield wiring
    finally:
        wiring.close()


@pytest.fixture
def wiring(vault: Vault) -> Iterator[ConnectedWiring]:
    yield from wired(vault.settings)


def test_a_warm_worker_goes_on_after_the_password_was_changed(
    vault: Vault, wiring: ConnectedWiring, guarded: MongodProcess, reader: str
) -> None:
    vault.holds(uri_of(guarded, reader, "first"))
    assert inventory(wiring) == ["assets/a.txt"]
    for password in ("second", "third"):
        change_password(guarded, reader, password)
        vault.rotates_to(uri_of(guarded, reader, password))
        with pytest.raises(SourceUnavailable, match="the secret was changed") as raised:
            inventory(wiring)
        assert password not in str(raised.value)
        assert inventory(wiring) == ["assets/a.txt"]


def test_a_password_that_the_secret_does_not_know_either_is_a_refusal(
    vault: Vault, wiring: ConnectedWiring, guarded: MongodProcess, reader: str
) -> None:
    vault.holds(uri_of(guarded, reader, "never"))
    for _ in range(2):
        with pytest.raises(LoginRefused, match="user or the password") as raised:
            inventory(wiring)
        assert "never" not in str(raised.value)
    vault.rotates_to(uri_of(guarded, reader, "first"))
    with pytest.raises(SourceUnavailable):
        inventory(wiring)
    assert inventory(wiring) == ["assets/a.txt"]


def test_a_secret_that_is_refused_is_a_refusal_of_the_source_and_may_be_mended(
    vault: Vault, wiring: ConnectedWiring, guarded: MongodProcess, reader: str
) -> None:
    with pytest.raises(SourceRefused, match="there is no such secret"):
        inventory(wiring)
    vault.holds(uri_of(guarded, reader, "first"))
    assert inventory(wiring) == ["assets/a.txt"]


def test_a_worker_asks_for_no_secret_before_it_needs_it(aws_settings: Settings) -> None:
    nowhere = {"aws_endpoint_url": "http://127.0.0.1:9", "mongo_uri_secret_name": "backfill/mongo"}
    for wiring in wired(aws_settings.model_copy(update=nowhere)):
        source = wiring.source
        with pytest.raises(SourceUnavailable, match="AWS Secrets Manager"):
            list(source.discover())


class Told:
    """Fetches what a test says, as a cache of secrets would."""

    def __init__(self, uri: str) -> None:
        self.answer: str | CourseBackfillError = uri

    def __call__(self, fresh: bool) -> SecretStr:
        if isinstance(self.answer, str):
            return SecretStr(self.answer)
        raise self.answer


@pytest.fixture
def told(guarded: MongodProcess, reader: str) -> Told:
    return Told(uri_of(guarded, reader, "first"))


@pytest.fixture
def source(told: Told) -> Iterator[SecretSource]:
    source = SecretSource(told, database="edxapp")
    yield source
    source.close()


def test_a_warm_worker_follows_the_secret_to_another_server(
    told: Told, source: SecretSource
) -> None:
    before = told.answer
    assert source.current([]) == []
    assert list(source.discover()) == [COURSE]
    told.answer = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200"
    with pytest.raises(SourceUnavailable, match="does not answer"):
        list(source.discover())
    told.answer = before
    assert list(source.discover()) == [COURSE]


@pytest.mark.parametrize("fault", [SecretsUnavailable("throttled"), SecretRefused("denied")])
def test_a_warm_worker_reads_on_while_its_secret_cannot_be_fetched(
    told: Told, source: SecretSource, fault: CourseBackfillError
) -> None:
    assert list(source.discover()) == [COURSE]
    told.answer = fault
    assert list(source.discover()) == [COURSE]


def test_a_change_does_not_cut_off_who_reads_with_the_login_of_before(
    told: Told, source: SecretSource, guarded: MongodProcess, reader: str
) -> None:
    reading = source.inventory(COURSE, check_chunks=False)
    first = next(reading)
    told.answer = uri_of(guarded, reader, "first") + "&appName=another"
    assert source.database == "edxapp"
    assert [first.path, *(one.path for one in reading)] == ["assets/a.txt"]


def test_callbacks_are_signed_with_the_key_that_the_secret_holds(
    vault: Vault, wiring: ConnectedWiring
) -> None:
    vault.holds(PASSWORD)
    assert wiring.callback_key() == PASSWORD.encode()
