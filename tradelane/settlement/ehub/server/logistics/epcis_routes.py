"""EPCIS 2.0's own routes, below ``/epcis``: documents captured, events queried.

A client of the standard knows no Idempotency-Key: without one, the same document is the same capture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request, Response

from tradelane.market.units import instant
from tradelane.settlement import exact_json
from tradelane.settlement.ehub.server.commands import KEY, LONGEST_KEY, Commands, idempotency_key
from tradelane.settlement.ehub.server.logistics import capturing, events
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire_epcis import MOST_EVENTS, CaptureJob
from tradelane.settlement.epcis import query_document
from tradelane.settlement.problem import Problem

VERSIONS = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
BEHAVIOUR = "GS1-Capture-Error-Behaviour"
MOST_PER_PAGE = 1_000
GREATEST = 2**63 - 1
_JSON = {"content": {"application/json": {"schema": {"type": "object"}}}}
_BODY = {"requestBody": {"required": True, **_JSON}}
OptionalKey = Annotated[str | None, Header(alias=KEY, max_length=LONGEST_KEY)]
Text = Annotated[str | None, Query(max_length=2_000)]
PerPage = Annotated[int, Query(alias="perPage", ge=1, le=MOST_PER_PAGE)]
Token = Annotated[int, Query(alias="nextPageToken", ge=0, le=GREATEST)]


def router(commands: Commands, read: Transact, now: Callable[[], int], secret: bytes) -> APIRouter:
    """``now`` is market time in ms; the buyers' codes are made from ``secret``."""
    routes = APIRouter(prefix="/epcis")
    _add_capture(routes, commands, read, secret)
    _add_queries(routes, read, now)
    return routes


def _add_queries(routes: APIRouter, read: Transact, now: Callable[[], int]) -> None:
    @routes.get("/events", responses={200: _JSON})
    async def query(
        request: Request,
        biz_step: Annotated[Text, Query(alias="EQ_bizStep")] = None,
        event_ids: Annotated[Text, Query(alias="EQ_eventID")] = None,
        since: Annotated[Text, Query(alias="GE_eventTime")] = None,
        before: Annotated[Text, Query(alias="LT_eventTime")] = None,
        recorded_since: Annotated[Text, Query(alias="GE_recordTime")] = None,
        recorded_before: Annotated[Text, Query(alias="LT_recordTime")] = None,
        epcs: Annotated[Text, Query(alias="MATCH_epc")] = None,
        classes: Annotated[Text, Query(alias="MATCH_epcClass")] = None,
        per_page: PerPage = 30,
        token: Token = 0,
    ) -> Response:
        """Lists are written ``a|b``. The next page is named by the header Link."""
        _refuse_unknown(request)
        asked = events.Query(
            _listed(biz_step),
            _listed(event_ids),
            _instant("GE_eventTime", since),
            _instant("LT_eventTime", before),
            _instant("GE_recordTime", recorded_since),
            _instant("LT_recordTime", recorded_before),
            _listed(epcs),
            _listed(classes),
            token,
        )
        rows = await read(lambda conn: events.found(conn, asked, per_page))
        told = [exact_json.loads(row.body.encode()) for row in rows[:per_page]]
        headers = dict(VERSIONS)
        if len(rows) > per_page:
            headers["Link"] = f'<{_next(request, rows[per_page - 1].seq)}>; rel="next"'
        return _json(exact_json.dumps(query_document(told, now())), 200, headers)

    @routes.get("/events/{event_id:path}", responses={200: _JSON})
    async def event(event_id: str) -> Response:
        body = await read(lambda conn: events.stored(conn, event_id))
        if body is None:
            raise Problem.field(404, "unknown-event", "event_id", "no such event")
        return _json(body, 200, VERSIONS)


def _add_capture(routes: APIRouter, commands: Commands, read: Transact, secret: bytes) -> None:
    @routes.post("/capture", status_code=202, response_model=CaptureJob, openapi_extra=_BODY)
    async def capture(
        request: Request,
        key: OptionalKey = None,
        behaviour: Annotated[str, Header(alias=BEHAVIOUR)] = capturing.ALL_OR_NONE,
    ) -> Response:
        """An EPCISDocument with a bare list of ObjectEvents; the job that answers is over."""
        if behaviour != capturing.ALL_OR_NONE:
            raise Problem.field(400, "validation", BEHAVIOUR, "events are captured all or none: rollback")
        body = await request.body()
        question = capturing.read(body)
        key = f"capture/{hashlib.sha256(body).hexdigest()}" if key is None else await idempotency_key(key)
        answer = await commands.run(request, key, question, partial(capturing.capture, secret=secret))
        answer.headers.update(VERSIONS)
        answer.headers["GS1-EPCIS-Capture-Limit"] = str(MOST_EVENTS)
        if answer.status_code == 202:
            answer.headers["Location"] = f"{request.url.path}/{capturing.name_of(key)}"
        return answer

    @routes.get("/capture/{capture}", response_model=CaptureJob)
    async def job(capture: str) -> Response:
        return _json(await read(lambda conn: capturing.job(conn, capture)), 200, VERSIONS)


def _json(text: str, status: int, headers: dict[str, str]) -> Response:
    return Response(text, status, headers, "application/json")


def _listed(text: str | None) -> Sequence[str] | None:
    return None if text is None else text.split("|")


def _instant(field: str, text: str | None) -> int | None:
    try:
        found = None if text is None else instant(text)
    except (ValueError, OverflowError):
        raise Problem.field(400, "validation", field, "is no instant with an offset") from None
    return found


def _refuse_unknown(request: Request) -> None:
    """A query that is not understood would answer another one."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise Problem.field(400, "validation", unknown[0][:80], "this hub does not know this parameter")


def _next(request: Request, after: int) -> str:
    asked: dict[str, Any] = {**request.query_params, "nextPageToken": after}
    return f"{request.url.path}?{urlencode(asked)}"
