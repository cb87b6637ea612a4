"""api: every route of the HTTP API but `POST /predict`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as UnknownRouteError
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.errors import (
    EarshotError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from earshot.http.problem import problem_response
from earshot_api import openapi, retrain_form
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
        UnsupportedMediaTypeError: the body is no JSON.
    """
    if event.http_method not in openapi.methods_of(http, event.path):
        return  # there is no such route, which is the better answer
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


def failed(error: Exception) -> Response[str]:
    """Answer an error as problem+json."""
    problem = problem_of_request(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("request failed")
    return problem_response(problem)


@http.not_found
def unknown_route(error: UnknownRouteError) -> Response[str]:
    """Answer what the gateway lets through by its `$default` route."""
    path, method = http.current_event.path, http.current_event.http_method
    methods = openapi.methods_of(http, path)
    if methods and method not in methods:
        return failed(MethodNotAllowedError(method, methods))
    return failed(NotFoundError(f"There is nothing at {path}. GET /openapi.json lists what is."))


http.exception_handler(Exception)(failed)
for router in ROUTERS:
    http.include_router(router)
add_document_routes(http)
