"""Secrets in AWS Secrets Manager: fetched, refused in words, and fetched anew after a rotation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from pydantic import SecretStr

from course_backfill.adapters.aws_clients import secrets_client
from course_backfill.adapters.aws_secrets import AwsSecrets
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

COURSE = CourseId.parse("course-v1:Org1+CS101+R1")
PASSWORD = "hunter2-hunter2-hunter2"
URI = f"mongodb://reader:{PASSWORD}@db.example.org/"


class Vault:
    """A Secrets Manager with one secret, and settings that name it for everything."""

    def __init__(self, settings: Settings) -> None:
        self.name = f"backfill/{uuid.uuid4().hex}"
        names = {"mongo_uri_secret_name": self.name, "callback_secret_name": self.name}
        self.settings = settings.model_copy(update=names)
        self.client = secrets_client(settings)

    def holds(self, value: str | bytes) -> Vault:
        kind = "SecretString" if isinstance(value, str) else "SecretBinary"
        self.client.create_secret(Name=self.name, **{kind: value})  # type: ignore[arg-type] # One of both.
        return self

    def rotates_to(self, value: str) -> None:
        self.client.put_secret_value(SecretId=self.name, SecretString=value)


@pytest.fixture
def vault(aws_settings: Settings) -> Vault:
    return Vault(aws_settings)


@pytest.mark.parametrize(
    "held",
    [URI, f" {URI}\n", json.dumps({"uri": URI}), json.dumps({"uri": URI, "engine": "mongo"})],
)
def test_a_uri_is_the_text_of_its_secret_or_a_field_of_it(vault: Vault, held: str) -> None:
    secrets = AwsSecrets(vault.holds(held).settings)
    assert secrets.mongo_uri().get_secret_value() == URI


@pytest.mark.parametrize("held", [PASSWORD, json.dumps({"key": PASSWORD})])
def test_a_key_of_callbacks_is_the_text_of_its_secret_or_a_field_of_it(
    vault: Vault, held: str
) -> None:
    secrets = AwsSecrets(vault.holds(held).settings)
    assert secrets.callback_key().get_secret_value() == PASSWORD


def test_a_secret_may_be_named_by_its_arn(vault: Vault) -> None:
    vault.holds(URI)
    arn = vault.client.describe_secret(SecretId=vault.name)["ARN"]
    settings = Settings(**(vault.settings.model_dump() | {"mongo_uri_secret_name": arn}))
    assert AwsSecrets(settings).mongo_uri().get_secret_value() == URI


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (f"postgres://root:{PASSWORD}@db", "holds no MongoDB URI: expected text that begins"),
        (json.dumps({"password": PASSWORD}), "is not as expected: either the plain text, or JSON"),
        (json.dumps({"uri": {"nested": PASSWORD}}), "is not as expected"),
        (f'{{"uri": "{PASSWORD}', "is not as expected"),
        (b"\x00" + PASSWORD.encode(), "holds bytes, expected text"),
    ],
)
def test_a_secret_of_another_form_is_refused_by_its_name_and_without_its_value(
    vault: Vault, held: str | bytes, sentence: str
) -> None:
    secrets = AwsSecrets(vault.holds(held).settings)
    with pytest.raises(SecretRefused, match=sentence) as refused:
        secrets.mongo_uri()
    assert_names_the_secret_alone(refused.value, vault, "MONGO_URI_SECRET_NAME")


def test_a_key_that_is_too_short_is_refused(vault: Vault) -> None:
    secrets = AwsSecrets(vault.holds("too-short").settings)
    with pytest.raises(SecretRefused, match="at least 16 characters") as refused:
        secrets.callback_key()
    assert "too-short" not in str(refused.value)
    assert_names_the_secret_alone(refused.value, vault, "COURSE_BACKFILL_CALLBACK_SECRET_NAME")


def test_a_secret_that_is_not_there_is_refused_with_what_to_do(vault: Vault) -> None:
    with pytest.raises(SecretRefused, match="there is no such secret: create it") as refused:
        AwsSecrets(vault.settings).mongo_uri()
    assert_names_the_secret_alone(refused.value, vault, "MONGO_URI_SECRET_NAME")


def test_a_secret_that_is_being_deleted_is_refused_with_what_to_do(vault: Vault) -> None:
    vault.holds(URI)
    vault.client.delete_secret(SecretId=vault.name)
    with pytest.raises(SecretRefused, match="marked for deletion, restore it"):
        AwsSecrets(vault.settings).mongo_uri()


@pytest.mark.parametrize(
    ("code", "status", "error", "sentence"),
    [
        ("AccessDeniedException", 400, SecretRefused, "secretsmanager:GetSecretValue on it"),
        ("DecryptionFailure", 400, SecretRefused, "its key cannot be used"),
        ("ValidationException", 400, SecretRefused, "no name or ARN of a secret"),
        ("UnrecognizedClientException", 400, SecretRefused, "UnrecognizedClientException"),
        ("InternalServiceError", 500, SecretsUnavailable, "AWS Secrets Manager answers"),
        ("ThrottlingException", 400, SecretsUnavailable, "AWS Secrets Manager answers"),
        ("ExpiredTokenException", 400, SecretsUnavailable, "AWS Secrets Manager answers"),
    ],
)
def test_what_secrets_manager_answers_says_whether_to_wait(
    vault: Vault, code: str, status: int, error: type[CourseBackfillError], sentence: str
) -> None:
    with Stubber(vault.client) as stub:
        stub.add_client_error("get_secret_value", code, PASSWORD, http_status_code=status)
        with pytest.raises(error, match=sentence) as raised:
            AwsSecrets(vault.settings, vault.client).mongo_uri()
    assert PASSWORD not in str(raised.value)


def test_nothing_that_answers_is_an_outage(aws_settings: Settings) -> None:
    nowhere = {"aws_endpoint_url": "http://127.0.0.1:9", "mongo_uri_secret_name": "backfill/mongo"}
    with pytest.raises(SecretsUnavailable, match="nothing listens"):
        AwsSecrets(aws_settings.model_copy(update=nowhere)).mongo_uri()


def test_a_secret_is_fetched_again_after_a_while_or_when_it_is_asked_for(vault: Vault) -> None:
    first, second = {"SecretString": URI}, {"SecretString": URI + "edxapp"}
    with Stubber(vault.client) as stub:
        secrets = AwsSecrets(vault.settings, vault.client)
        stub.add_response("get_secret_value", first)
        for _ in range(3):
            assert secrets.mongo_uri().get_secret_value() == URI
        stub.add_response("get_secret_value", second)
        for fresh in (True, False):
            assert secrets.mongo_uri(fresh=fresh).get_secret_value() == URI + "edxapp"


def assert_names_the_secret_alone(refusal: Exception, vault: Vault, setting: str) -> None:
    assert str(refusal).startswith(f"{setting}: ")
    assert vault.name in str(refusal)
    assert PASSWORD not in str(refusal)


# --- the source whose URI is a secret -----------------------------------------------------------


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
