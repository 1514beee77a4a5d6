"""POST /sns, where SNS posts the topic's messages (docs/aws.md). Not of the API's document: nobody else has a use for it."""

import logging
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from pipeline.domain.errors import InvalidValue, Unavailable, Untrusted
from webui.api import backend
from webui.api.parsing import MAX_BODY

log = logging.getLogger(__name__)
_TYPES = ("text/plain", "application/json")  # SNS' own, and what a delivery policy can make it


@csrf_exempt  # SNS has no session that another page could abuse: who posts is told by the message's signature alone
@require_POST
def notified(request: HttpRequest) -> HttpResponse:
    """Answers strangers without a detail; the log has the reason, and nothing of the message."""
    stage = backend.current().notified
    if stage is None:
        return HttpResponse(status=HTTPStatus.NOT_FOUND)
    if request.content_type not in _TYPES:
        return HttpResponse(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    if len(request.body) > MAX_BODY:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        stage.take(request.body)
    except InvalidValue as error:
        return _refused(HTTPStatus.BAD_REQUEST, error)
    except Untrusted as error:
        return _refused(HTTPStatus.FORBIDDEN, error)
    except Unavailable as error:  # SNS posts it again
        return _refused(HTTPStatus.SERVICE_UNAVAILABLE, error)
    return HttpResponse(status=HTTPStatus.OK)


def _refused(status: HTTPStatus, error: Exception) -> HttpResponse:
    log.warning("a message for /sns was refused: %s", error)
    return HttpResponse(status=status)
