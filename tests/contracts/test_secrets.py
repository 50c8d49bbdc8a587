"""Secrets in AWS Secrets Manager: fetched, refused in words, and fetched anew after a rotation."""

from __future__ import annotations

import json

import pytest
from botocore.stub import Stubber

from course_backfill.adapters.aws_secrets import AwsSecrets
from course_backfill.courses import CourseId
from course_backfill.errors import (
    CourseBackfillError,
    SecretRefused,
    SecretsUnavailable,
)
from course_backfill.settings import Settings
from tests.contracts.vaults import PASSWORD, URI, Vault

COURSE = CourseId.parse("course-v1:Org1+CS101+R1")


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
