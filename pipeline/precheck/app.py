"""The ASGI application: the interface with its published description, and the pages that every process has."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.precheck import openapi
from pipeline.precheck.api import Api
from pipeline.precheck.national import National
from pipeline.precheck.problems import Problem
from pipeline.web.language import language

_ABOUT = (
    "Asks before a claim is settled what the gate would say of it (事前提醒、事中审核): the same law and the same register, and "
    "nothing is written. Every answer says by what state of the register it was given."
)


def interface(api: Api, national: National, version: str) -> Starlette:
    """The endpoints, described by OpenAPI at /openapi.json.

    FastAPI writes the description and answers no request: the endpoints read what they are sent by themselves, and its layers
    would cost as much as the answer.
    """

    async def precheck(request: Request) -> Response:
        return await api.answered(request, "precheck", api.precheck)

    async def standing(request: Request) -> Response:
        return await api.answered(request, "physicians", api.standing)

    async def transaction(request: Request) -> Response:
        return await api.answered(request, "national", national.answer, national.refuse)

    app = FastAPI(title="Claims screening: pre-check (医保结算事前审核)", version=version, description=_ABOUT)
    routes = []
    for path, method, endpoint, summary, extra, responses in (
        ("/v1/precheck", "POST", precheck, "One claim, or up to 1,000 (查询结算结论)",
         openapi.precheck_extra(), openapi.precheck_responses()),
        ("/v1/physicians/{region}/{code}", "GET", standing, "The standing of a day (查询医师当日状态)",
         openapi.standing_extra(), openapi.standing_responses()),
        ("/v1/national/{infno}", "POST", transaction, "Transactions 3101, 3102 and 3103 (明细审核事前、事中分析与反馈)",
         openapi.national_extra(named=True), openapi.national_responses()),
        ("/v1/national", "POST", transaction, "The same, the number of the transaction in the message (infno)",
         openapi.national_extra(named=False), openapi.national_responses()),
    ):  # fmt: skip
        app.add_api_route(
            path, endpoint, methods=[method], summary=summary, openapi_extra=extra, responses=responses,
            response_class=Response, operation_id=f"{endpoint.__name__}{path.count('{infno}') or ''}",
        )  # fmt: skip
        route = Route(path, endpoint)
        route.methods = {method}  # by itself a route would answer HEAD, too, which is not described
        routes.append(route)
    description = json.dumps(_described(app), ensure_ascii=False).encode()

    def described(_request: Request) -> Response:
        return Response(description, media_type="application/json")

    async def not_there(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        lang = language(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        response = Problem("method" if status == 405 else "not_found").response(lang)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    found = Starlette(
        routes=[*routes, Route("/openapi.json", described)], exception_handlers={HTTPException: not_there}
    )
    found.router.redirect_slashes = False
    return found


def _described(app: FastAPI) -> dict[str, Any]:
    told = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path in told["paths"].values():
        for operation in path.values():
            operation["responses"] = {
                status: response
                for status, response in operation["responses"].items()
                if status != "422" or "HTTPValidationError" not in str(response)
            }
    told["components"] = openapi.components()
    return told
