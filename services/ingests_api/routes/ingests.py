"""Routes of ingests: ask for one, look at them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Request, Response

from course_backfill.audits import AuditWish
from course_backfill.clock import to_text
from course_backfill.cold.warming import RestoreWish
from course_backfill.display import ShownIngest
from course_backfill.errors import ConditionFailed
from course_backfill.ingests import PRIMARY, Ingest
from course_backfill.inventory import CONTENT_KINDS
from course_backfill.locations import Location
from course_backfill.notifications import Callback
from course_backfill.tasks import IngestType
from services.ingests_api.answers import Answer, answers, json_answer
from services.ingests_api.api import Api
from services.ingests_api.arguments import json_body_of
from services.ingests_api.auth import Principal
from services.ingests_api.cursors import decode_cursor, encode_cursor
from services.ingests_api.display import ShownResults
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.ingest_answers import ingest_answer
from services.ingests_api.ingest_requests import AUDIT, IngestRequest
from services.ingests_api.json_bodies import json_sha256
from services.ingests_api.parameters import (
    DEFAULT_LIMIT,
    CourseQuery,
    Cursor,
    IdempotencyKey,
    IngestLimit,
    IngestPath,
    IngestStatusQuery,
    StageQuery,
)
from services.ingests_api.problems import Refusal
from services.ingests_api.resolver import Next, Resolver

TAG = "Ingests"
IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:course-backfill:idempotency-key")


class IngestRoutes:
    """Answers for ingests."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def endpoints(self) -> list[Endpoint]:
        """The routes, and how they are described."""
        one = {200: ("The ingest.", ShownIngest)}
        return [
            Endpoint(
                method="POST",
                path="/ingests",
                handler=self.create,
                before=(self.replay,),
                tag=TAG,
                summary="Backfill, audit or warm a course",
                description="With an Idempotency-Key, the same request gives the same ingest.",
                answers=answers(
                    {
                        200: ("The ingest that this key made before.", ShownIngest),
                        201: ("The new ingest; Location is where it is.", ShownIngest),
                    },
                    refusals=(400, 404, 409, 413, 415, 422),
                ),
            ),
            Endpoint(
                method="GET",
                path="/ingests",
                handler=self.listing,
                tag=TAG,
                summary="List ingests, newest first",
                answers=answers(
                    {200: ("One page.", ShownResults[ShownIngest])}, refusals=(400, 422)
                ),
            ),
            Endpoint(
                method="GET",
                path="/ingests/<ingest_id>",
                handler=self.get,
                tag=TAG,
                summary="Look at an ingest",
                answers=answers(one, refusals=(400, 404, 422)),
            ),
        ]

    def replay(self, app: Resolver, next_middleware: Next) -> Response[Any]:
        """Answers a repeated request before anything else is looked at."""
        digest = json_sha256(json_body_of(app.current_event))
        app.context["request_sha256"] = digest
        key = app.current_event.headers.get("idempotency-key")
        if key:
            earlier = self._api.ingests.find(ingest_id_of(app.context["principal"], key))
            if earlier:
                return self._same(earlier, digest, app.context["base"])
        return next_middleware(app)

    def create(
        self, request: Request, body: IngestRequest, idempotency_key: IdempotencyKey = None
    ) -> Answer:
        """Accepts an ingest."""
        principal: Principal = request.context["principal"]
        digest: str = request.context["request_sha256"]
        base: str = request.context["base"]
        ingest = self._ingest(body, principal, digest, idempotency_key)
        try:
            self._api.lifecycle.accept(ingest)
        except ConditionFailed:
            # The same request came twice at once, and the other was first.
            earlier = self._api.ingests.find(ingest.id)
            if earlier is None:
                raise
            return self._same(earlier, digest, base)
        return ingest_answer(self._api, ingest, base=base, status=HTTPStatus.CREATED)

    def get(self, ingest_id: IngestPath) -> Answer:
        """One ingest."""
        return json_answer(self._api.show(self._api.ingests.get(ingest_id)))

    def listing(
        self,
        course: CourseQuery = None,
        status: IngestStatusQuery = None,
        stage: StageQuery = None,
        limit: IngestLimit = None,
        cursor: Cursor = None,
    ) -> Answer:
        """A page of ingests."""
        asked = ("ingests", course, status, stage)
        found, position = self._api.ingests.listing(
            course=course,
            status=status,
            stage=stage,
            limit=limit or DEFAULT_LIMIT,
            before=decode_cursor(asked, cursor),
        )
        shown = [self._api.show(ingest) for ingest in found]
        next_cursor = encode_cursor(asked, position)
        return json_answer(ShownResults[ShownIngest](results=shown, next_cursor=next_cursor))

    def _ingest(
        self, body: IngestRequest, principal: Principal, digest: str, key: str | None
    ) -> Ingest:
        now = to_text(self._api.clock())
        source = body.source_location
        return Ingest(
            id=ingest_id_of(principal, key) if key else self._api.new_id(),
            course=body.course.id,
            ingest_type=IngestType(body.ingest_type.id),
            provider=source.provider.id if source else "mongodb",
            source=(source.id if source else None) or PRIMARY,
            locations=wanted_locations(body, self._api.locations.values()),
            content=body.content or tuple(CONTENT_KINDS),
            dry_run=body.dry_run,
            read_source=body.read_source,
            on_failure=body.on_failure,
            corrupt_objects=body.corrupt_objects,
            wished_version=body.version,
            restore=self._restore(body),
            audit=AuditWish(method=body.method or "bytes", warm=body.warm)
            if body.ingest_type.id == AUDIT
            else None,
            callback=Callback(url=body.callback.url) if body.callback else None,
            requested_by=principal.sub,
            request_sha256=digest,
            created_date=now,
            last_modified_date=now,
        )

    def _restore(self, body: IngestRequest) -> RestoreWish:
        usual = self._api.restore
        return RestoreWish(
            tier=body.restore_tier or usual.tier,
            days=body.restore_days or usual.days,
            max_cost_cents=None if body.max_cost is None else round(body.max_cost * 100),
        )

    def _same(self, earlier: Ingest, digest: str, base: str) -> Answer:
        if earlier.request_sha256 != digest:
            raise Refusal(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "This Idempotency-Key came with another body before. Use a new key.",
                ingest=earlier.id,
            )
        return ingest_answer(self._api, earlier, base=base, status=HTTPStatus.OK)


def wanted_locations(body: IngestRequest, available: Collection[Location]) -> tuple[str, ...]:
    """The locations of an ingest, in the order of the settings."""
    asked = frozenset(body.locations or ())
    match body.ingest_type.id:
        case IngestType.AUDIT:
            wanted = asked or {one.id for one in available}
        case IngestType.WARM:
            wanted = asked or {PRIMARY}
        case _:
            required = {one.id for one in available if one.required}
            source = body.source_location
            is_copied = source is not None and source.provider.id == "amazon-s3"
            # A version that is made anew must be in every required location.
            wanted = asked or required if is_copied else asked | required
    return tuple(one.id for one in available if one.id in wanted)


def ingest_id_of(principal: Principal, key: str) -> str:
    """The id of the ingest that this principal makes with this key; another's is another."""
    return str(uuid.uuid5(IDS, json.dumps([principal.sub, key])))
