"""The admin's own pages beside those of its models. Each is for signed-in staff alone; the views ask for their permissions."""

from django.contrib import admin
from django.urls import path

from webui.watchlist import jobs, many, runs, stream

seen_by_staff = admin.site.admin_view
urlpatterns = [
    path("stream/", seen_by_staff(stream.stream), name="admin_stream"),
    path("stream/sessions/", seen_by_staff(stream.sessions), name="admin_sessions"),
    path("stream/sessions/<str:session_id>/", seen_by_staff(stream.session), name="admin_session"),
    path("fetches/", seen_by_staff(runs.fetches), name="admin_fetches"),
    path("fetches/<slug:fetch_id>/", seen_by_staff(runs.fetch), name="admin_fetch"),
    path("events/", seen_by_staff(runs.events), name="admin_events"),
    path("backfills/", seen_by_staff(jobs.backfills), name="admin_backfills"),
    path("backfills/start/", seen_by_staff(jobs.start), name="admin_backfill_start"),
    path("backfills/<slug:job_id>/", seen_by_staff(jobs.backfill), name="admin_backfill"),
    path("symbols/add-many/", seen_by_staff(many.add_many), name="admin_add_many"),
    path("symbols/search/", seen_by_staff(many.search), name="admin_symbol_search"),
]
