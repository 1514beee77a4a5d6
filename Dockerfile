# One image for every role: `docker run IMAGE driver` is what `manage.py up` starts as driver-1; docs/containers.md tells the rest.
# BASE needs Python 3.11 or newer as `python3`, with `venv`.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
# What the embedded servers alone bring stays out: half of it all.
COPY requirements.txt deploy/containers/left-out.txt /
# The secret `ca` is for networks whose proxy has a certificate of its own: docker build --secret id=ca,src=FILE
RUN --mount=type=secret,id=ca,target=/run/ca.crt,required=false \
    --mount=type=cache,target=/root/.cache/pip \
    if [ -s /run/ca.crt ]; then export PIP_CERT=/run/ca.crt; fi; \
    grep -v -f /left-out.txt /requirements.txt >/pinned.txt && python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --requirement /pinned.txt
COPY . /app
RUN /opt/venv/bin/python -m compileall -q /app

FROM ${BASE}
RUN useradd --uid 1000 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin tickerline \
    # Whoever the container runs as may write: a named volume takes over these modes when it is first mounted.
    && mkdir -p /data /volumes/redis /volumes/mongo /volumes/postgres /volumes/prometheus /volumes/grafana /volumes/secrets \
    && chown -R 1000:1000 /data /volumes && chmod -R 1777 /data /volumes
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    TICKERLINE_DATA=/data TICKERLINE_BIND=0.0.0.0
WORKDIR /app
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "webui.console.healthy"]
ENTRYPOINT ["python", "-m", "webui.console.role"]
