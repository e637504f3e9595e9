# The receiver, the poller, the worker and every command, in one image: docker compose says which.
# The packages are those of constraints.txt, verified by hash; the image holds only what runs, not what tests.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY constraints.txt ./
RUN python -m pip wheel --no-deps --require-hashes -r constraints.txt --wheel-dir /wheels
RUN python -m pip install --no-index --find-links /wheels hatchling
COPY pyproject.toml LICENSE README.md ./
COPY tracker ./tracker
COPY plugins ./plugins
RUN python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels .
RUN python -m venv /opt/tracker \
 && /opt/tracker/bin/python -m pip install --no-index --find-links /wheels campaign-tracker \
 && /opt/tracker/bin/python -m pip uninstall --yes pip

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin tracker
COPY --from=build /opt/tracker /opt/tracker
ENV PATH=/opt/tracker/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["tracker"]
CMD ["--help"]
