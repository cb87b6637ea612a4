"""api: every route of the HTTP API but `POST /predict`."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as UnknownRouteError
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.errors import (
    BadRequestError,
    EarshotError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from earshot.http.problem import problem_response
from earshot_api import authorization, openapi, retrain_form
from earshot_api.authorization import CATCH_ALL_ROUTES
from earshot_api.problems import problem_of_request
from earshot_api.routes import ROUTERS
from earshot_api.routes.document import add_document_routes
from earshot_api.wiring import services

MAX_BODY_CHARACTERS = 20_000

logger = Logger(service="api")
http = APIGatewayHttpResolver(enable_validation=True)


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point."""
    request = APIGatewayProxyEventV2(event)
    try:
        operation = openapi.operation_of(request.path, request.http_method)
        if operation is None or request.route_key in CATCH_ALL_ROUTES:
            raise nothing_at(request)
        authorization.check(operation, request)
        if retrain_form.is_form(request):
            event = retrain_form.keep_files(request, services().uploads.put)
        else:
            check_body(request)
    except EarshotError as error:
        refusal: ResponseBuilder[APIGatewayProxyEventV2] = ResponseBuilder(failed(error))
        return refusal.build(request)
    return http.resolve(event, context)


def check_body(event: APIGatewayProxyEventV2) -> None:
    """Keep clips out of the routes that take none, before anything is parsed.

    Raises:
        PayloadTooLargeError: the body is larger than any that is expected.
        UnsupportedMediaTypeError: the body is of another type than JSON.
        BadRequestError: it is no JSON that can be read.
    """
    if len(event.body or "") > MAX_BODY_CHARACTERS:
        raise PayloadTooLargeError(
            f"The body is over {MAX_BODY_CHARACTERS} characters. For clips of up to 100 MB, POST "
            "/uploads gives an address to upload to; POST /predict takes smaller ones."
        )
    media_type = event.headers.get("content-type", "").partition(";")[0].strip().lower()
    if event.body and media_type != "application/json":
        raise UnsupportedMediaTypeError(
            f"The content type {media_type or '(none)'} is not accepted; application/json is."
        )
    try:
        json.loads(event.decoded_body or "null")
    except RecursionError as error:
        raise BadRequestError("The body is nested too deeply.") from error
    except ValueError as error:  # also of base64 and of characters
        raise BadRequestError("The body is not valid JSON.") from error


def failed(error: Exception) -> Response[str]:
    """Answer an error as problem+json."""
    problem = problem_of_request(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("request failed")
    return problem_response(problem)


@http.not_found
def unknown_route(error: UnknownRouteError) -> Response[str]:
    """Answer what Powertools has no operation for."""
    return failed(nothing_at(http.current_event))


def nothing_at(request: APIGatewayProxyEventV2) -> EarshotError:
    """Error of a path, or of a method of a path, that the gateway has no route of its own for."""
    path, method = request.path, request.http_method
    methods = openapi.methods_of(path)
    if methods and method not in methods:
        return MethodNotAllowedError(method, methods)
    return NotFoundError(f"There is nothing at {path}. GET /openapi.json lists what is.")


http.exception_handler(Exception)(failed)
for router in ROUTERS:
    http.include_router(router)
add_document_routes(http)
