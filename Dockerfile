# One image for everything: `serve` runs web and workers, `workers` workers alone.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 tundra && mkdir /data && chown tundra /data
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY manage.py ./
COPY deploy deploy
COPY templates templates
COPY tundra_site tundra_site
COPY connectors connectors
COPY conversions conversions
RUN .venv/bin/python -m compileall -q tundra_site connectors conversions
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TUNDRA_DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8080
USER tundra
EXPOSE 8080
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD python -c "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=4)"
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
