# Faceline as a service. With compose.yaml: docker compose up
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE MANIFEST.in CHANGELOG.md requirements.txt ./
COPY faceline faceline
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir '.[serve,heif]'

FROM python:3.12-slim
RUN useradd --uid 1000 --create-home faceline && mkdir /work && chown faceline /work
COPY --from=build /venv /venv
USER faceline
VOLUME /work
EXPOSE 8000
HEALTHCHECK CMD ["/venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=5)"]
# The first key is made and shown at the first start: docker compose logs
ENTRYPOINT ["/venv/bin/faceline", "serve", "/work", "--host", "0.0.0.0"]
