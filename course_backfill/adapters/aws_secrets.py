"""Secrets of AWS Secrets Manager, each fetched when it is needed, in this product's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError
from pydantic import SecretStr

from course_backfill.adapters.aws_clients import secrets_client
from course_backfill.adapters.aws_errors import SECRETS, error_code, named_errors
from course_backfill.errors import InvalidInput, Problem, SecretRefused
from course_backfill.redaction import keep_secret
from course_backfill.settings import Settings, environment_name
from course_backfill.settings_values import SHORTEST_KEY, is_mongo_uri

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 300
"""How long a worker that stays warm goes on with a secret before it is fetched again."""

_ADVICE = {
    "ResourceNotFoundException": "there is no such secret: create it, or correct the setting",
    "AccessDeniedException": "allow these credentials secretsmanager:GetSecretValue on it, and "
    "kms:Decrypt on its key if that is not AWS's own",
    "DecryptionFailure": "its key cannot be used: enable it, and allow these credentials "
    "kms:Decrypt",
    "InvalidRequestException": "it cannot be read in its present state: if it is marked for "
    "deletion, restore it",
    "InvalidParameterException": "this is no name or ARN of a secret: correct the setting",
    "ValidationException": "this is no name or ARN of a secret: correct the setting",
}


class AwsSecrets:
    """The secrets that settings name; safe to use from several threads.

    A secret is its text, or a JSON object in which a field holds it. Raises SecretsUnavailable,
    and SecretRefused whose sentence names the setting and the secret, and never the value.
    """

    def __init__(self, settings: Settings, client: SecretsManagerClient | None = None) -> None:
        self._settings = settings
        self._provider = SecretsProvider(boto3_client=client or secrets_client(settings))

    def mongo_uri(self, *, fresh: bool = False) -> SecretStr:
        """The MongoDB URI, at most five minutes old; with `fresh` as it is at this moment."""
        setting = environment_name("mongo_uri_secret_name")
        name = _named(self._settings.mongo_uri_secret_name, setting)
        uri = self._get(name, field="uri", setting=setting, fresh=fresh)
        if not is_mongo_uri(uri.get_secret_value()):
            raise SecretRefused(
                f"{setting}: the secret {name} holds no MongoDB URI: expected text that begins "
                'with mongodb:// or mongodb+srv://, or JSON: {"uri": "mongodb://…"}'
            )
        return uri

    def callback_key(self) -> SecretStr:
        """The key of callbacks, at most five minutes old."""
        setting = environment_name("callback_secret_name")
        name = _named(self._settings.callback_secret_name, setting)
        key = self._get(name, field="key", setting=setting)
        if len(key.get_secret_value()) < SHORTEST_KEY:
            raise SecretRefused(
                f"{setting}: the secret {name} is too short for a key: "
                f"expected at least {SHORTEST_KEY} characters"
            )
        return key

    def _get(self, name: str, *, field: str, setting: str, fresh: bool = False) -> SecretStr:
        text = self._fetch(name, setting, fresh=fresh).strip()
        if not text.startswith("{"):
            return _kept(text)
        try:
            held = json.loads(text)[field]
        except (ValueError, KeyError):
            held = None
        if not isinstance(held, str):
            raise SecretRefused(
                f"{setting}: the secret {name} is not as expected: either the plain text, "
                f'or JSON: {{"{field}": "…"}}'
            )
        return _kept(held.strip())

    def _fetch(self, name: str, setting: str, *, fresh: bool) -> str:
        try:
            with named_errors(SECRETS):
                held = self._ask(name, fresh=fresh)
        except ClientError as error:
            raise _refusal(setting, name, error) from error
        except SecretRefused as refused:
            # Its own sentence knows nothing of the secret.
            if isinstance(refused.__cause__, ClientError):
                raise _refusal(setting, name, refused.__cause__) from refused
            raise
        if not isinstance(held, str):
            raise SecretRefused(f"{setting}: the secret {name} holds bytes, expected text")
        return held

    def _ask(self, name: str, *, fresh: bool) -> object:
        try:
            return self._provider.get(name, max_age=KEPT_SECONDS, force_fetch=fresh)
        except GetParameterError as error:
            # It wraps whatever came; what came says whether to wait.
            if isinstance(error.__context__, Exception):
                raise error.__context__ from None
            raise


def _kept(value: str) -> SecretStr:
    keep_secret(value)
    return SecretStr(value)


def _refusal(setting: str, name: str, error: ClientError) -> SecretRefused:
    code = error_code(error)
    advice = _ADVICE.get(code, "look at it in the AWS console")
    return SecretRefused(f"{setting}: AWS Secrets Manager does not give {name} ({code}): {advice}")


def _named(name: str | None, setting: str) -> str:
    if name is None:
        raise InvalidInput(Problem(setting, "expected the name of a secret"))
    return name
