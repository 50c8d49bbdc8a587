"""Who gets tokens: a user pool without users, and a client of it for each machine."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from course_backfill.api_clients import ALL_SCOPES
from course_backfill.errors import InvalidInput, Problem
from infra import stage_checks
from infra.stage import Stage
from infra.stage_parts import Client
from services.ingests_api.auth import CONTENT, LOCKED, READ, WRITE

TOKEN_HOURS = 1

WORDS = {
    READ: "Look at ingests, courses, versions, reports and dead letters",
    WRITE: "Start, cancel and retry ingests; send dead letters again",
    CONTENT: "Get links to the content of courses",
    LOCKED: "Get them for content that is locked in its course, too",
}


def scope_prefix(stage: Stage) -> str:
    """What stands before each scope in a token: the resource server's name and a slash."""
    return f"{stage.settings.namespace}/"


def token_url(stage: Stage) -> str:
    """Where a client gets its token."""
    return f"https://{_domain(stage)}.auth.{stage.region}.amazoncognito.com/oauth2/token"


class ApiClients(Construct):
    """The pool, the scopes that it knows, and the clients of the stage with theirs.

    Nobody signs in here: there are no users, and no client has a flow for them. Deleting the pool
    loses nothing but the clients' ids and secrets, which a new one gives anew.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.pool = self._make_pool(stage)
        self.pool.add_domain(
            "Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=_domain(stage))
        )
        self._scopes: dict[str, cognito.ResourceServerScope] = {
            name: cognito.ResourceServerScope(scope_name=name, scope_description=WORDS[name])
            for name in ALL_SCOPES
        }
        self._server = self.pool.add_resource_server(
            "Scopes",
            identifier=scope_prefix(stage).rstrip("/"),
            user_pool_resource_server_name=f"The API of {stage.settings.namespace}",
            scopes=list(self._scopes.values()),
        )
        self.clients = {one.name: self._make_client(stage, one) for one in stage.clients}

    def _make_pool(self, stage: Stage) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "Pool",
            user_pool_name=f"{stage.settings.namespace}-machines",
            feature_plan=cognito.FeaturePlan.LITE,
            self_sign_up_enabled=False,
            account_recovery=cognito.AccountRecovery.NONE,
            # Whoever made a user by hand, past all this, would still be held to these.
            mfa=cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=32,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        Validations.of(pool).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-COG8",
                reason="The plus plan watches people sign in. This pool has no users, self sign-up "
                "is off, no client has a flow but client_credentials: tests/infra/test_api.py.",
            )
        )
        return pool

    def _make_client(self, stage: Stage, client: Client) -> cognito.UserPoolClient:
        return self.pool.add_client(
            f"Client-{client.name}",
            user_pool_client_name=f"{stage.settings.namespace}-{client.name}",
            generate_secret=True,
            auth_flows=cognito.AuthFlow(user=False),
            supported_identity_providers=[],
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.hours(TOKEN_HOURS),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[
                    cognito.OAuthScope.resource_server(self._server, self._scopes[one])
                    for one in sorted(set(client.scopes))
                ],
            ),
        )


def _domain(stage: Stage) -> str:
    """The beginning of the token URL's host: its own among all accounts of the region."""
    problems = list(stage_checks.of_namespace(stage.settings.namespace))
    if problems:
        raise InvalidInput(
            *(Problem(f"{stage.name}.toml: {p.pointer}", p.detail) for p in problems)
        )
    return f"{stage.settings.namespace}-{stage.account}"
