# One image for Prefect's server, its workers and the HTTP API. compose.yaml starts them.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 DO_NOT_TRACK=1
WORKDIR /srv/order-factory

COPY pyproject.toml setup.py constraints.txt README.md prefect.yaml ./
COPY automations ./automations
COPY api ./api
COPY cli ./cli
COPY flows ./flows
COPY gateways ./gateways
COPY models ./models
COPY tasks ./tasks
RUN pip install -c constraints.txt '.[stripe]'

RUN useradd --create-home shop && mkdir var && chown shop var
USER shop
ENV PREFECT_HOME=/srv/order-factory/var/prefect PREFECT_SERVER_ANALYTICS_ENABLED=false
VOLUME /srv/order-factory/var

CMD ["order-factory", "--help"]
