"""Secrets as an operator keeps them in AWS Secrets Manager."""

from __future__ import annotations

import uuid

from course_backfill.adapters.aws_clients import secrets_client
from course_backfill.settings import Settings

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
