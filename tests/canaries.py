"""Secrets that are recognised wherever they turn up, in the shapes in which they get into texts."""

from __future__ import annotations

import json

SECRET = "Zx9Quk42Canary"
ACCESS_KEY = "AKIAZX9QUK42CANARY7"
TOKEN = f"eyJraWQiOiJhIiwiYWxnIjoiUlMyNTYifQ.{SECRET}eyJzdWIiOiJvcHMifQ.{SECRET}-sig_nature"

_CREDENTIALS = {"username": "reader", "password": f"{SECRET} and {SECRET}"}

CANARIES = {
    "mongo-uri": f"no answer from mongodb://reader:{SECRET}@db.example.org:27017/edxapp",
    "mongo-uri-unescaped": f"mongodb+srv://reader:a/{SECRET}?#'@{SECRET}@db.example.org is wrong",
    "mongo-uri-options": f"mongodb://db.example.org/?authMechanismProperties=TOKEN:{SECRET} no",
    "access-key": f"The AWS Access Key Id {ACCESS_KEY} is not known",
    "secret-key": f"aws_secret_access_key={SECRET}/abc+def region=eu-west-1",
    "secret-key-json": json.dumps({"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET}),
    "session-token": f"{{'SessionToken': '{SECRET}', 'Expiration': 1}}",
    "presigned-url": f"GET https://b.s3.amazonaws.com/k?X-Amz-Credential={ACCESS_KEY}%2F1&"
    f"X-Amz-Signature={SECRET} gave 403",
    "presigned-path": f"Max retries exceeded with url: /b/k?X-Amz-Signature={SECRET}&x=1 (gone)",
    "bearer": f"{{'Authorization': 'Bearer {SECRET}.{SECRET}'}}",
    "basic": f"Authorization: Basic {SECRET}==",
    "callback-query": f"POST https://lms.example.org/hook?key={SECRET}&course=x failed",
    "callback-path": f"no route for url: /hook?key={SECRET}",
    "cognito-token": f"token {TOKEN} has expired",
    "cognito-token-cut": f"denied: {TOKEN[:60]}",
    "secret-json": json.dumps({"uri": f"mongodb://reader:{SECRET}@db.example.org/"}),
    "secret-json-credentials": json.dumps(_CREDENTIALS),
    "secret-json-in-json": json.dumps({"SecretString": json.dumps(_CREDENTIALS)}),
    "callback-secret": f"callback_secret = '{SECRET}' is too short",
    "signature-header": f"X-Backfill-Signature: sha256={SECRET}",
}
"""What it is → a text that holds it."""


def leaks(text: str) -> list[str]:
    """The secrets that a text shows."""
    return [one for one in (SECRET, ACCESS_KEY) if one in text]
