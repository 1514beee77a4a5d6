"""The REST API: at the root only POST /fetch, GET /fetches/{id}, /health and /metrics; everything under /api/v1."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from webui.api import (
    alerts,
    backfills,
    coverage,
    events,
    fetches,
    health,
    hosts,
    lookups,
    market,
    problems,
    quota,
    sessions,
    sparklines,
    stream,
    symbols,
    ticks,
    trace,
)
from webui.api.document import DocumentedAPI
from webui.api.parsing import JsonParser
from webui.api.rendering import OrjsonRenderer

# Swagger UI sets styles from its script and draws its icons from data: URLs.
DOCS_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

api = DocumentedAPI(
    title="Tickerline",
    version="1",
    description="Fetches, bars, live quotes and the state of the pipeline. Errors are RFC 9457 problem details.",
    parser=JsonParser(),
    renderer=OrjsonRenderer(),
    docs_url=None,
    openapi_url="/openapi.json",
)
problems.install(api)
api.add_router("", fetches.root)
api.add_router("", health.root)
api.add_router("/api/v1", fetches.v1)
api.add_router("/api/v1", market.v1)
api.add_router("/api/v1", coverage.v1)
api.add_router("/api/v1", backfills.v1)
api.add_router("/api/v1", lookups.v1)
api.add_router("/api/v1", sparklines.v1)
api.add_router("/api/v1", symbols.v1)
api.add_router("/api/v1", quota.v1)
api.add_router("/api/v1", stream.v1)
api.add_router("/api/v1", sessions.v1)
api.add_router("/api/v1", hosts.v1)
api.add_router("/api/v1", events.v1)
api.add_router("/api/v1", ticks.v1)
api.add_router("/api/v1", trace.v1)
api.add_router("/api/v1", alerts.v1)


def docs(request: HttpRequest) -> HttpResponseBase:
    """The API's documentation, from files of our own."""
    response = api.docs.render_page(request, api)
    response["Content-Security-Policy"] = DOCS_POLICY
    return response
