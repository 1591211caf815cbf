# Three images: `mtail`, which turns Nginx's access log into metrics, `nginx` with the pages of /docs/, and the last one, for the four
# services and the jobs at start (docker-compose.yml chooses). Debian, because the health check uses bash.
FROM debian:bookworm-slim AS mtail
RUN apt-get update && apt-get install -y --no-install-recommends mtail && rm -rf /var/lib/apt/lists/*
COPY monitoring/mtail /etc/mtail
USER 101:101
ENTRYPOINT ["bash", "/etc/mtail/follow.sh"]

# The pages, built as by `npm start`: warnings are errors. Diagrams are drawn by a development dependency.
FROM node:24-slim AS docs
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY docs/requirements.txt ./docs/
RUN python3 -m venv /mkdocs && /mkdocs/bin/pip install --quiet --no-cache-dir -r docs/requirements.txt
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY CHANGELOG.md ./
COPY docs ./docs
RUN NO_MKDOCS_2_WARNING=1 /mkdocs/bin/mkdocs build --strict -q -f docs/mkdocs.yml

FROM nginx:1.28-alpine AS nginx
COPY --from=docs /app/docs/site /docs

# Cassandra's JMX agent, the same as for `npm start`.
FROM debian:bookworm-slim AS agent
RUN apt-get update && apt-get install -y --no-install-recommends maven && rm -rf /var/lib/apt/lists/*
WORKDIR /agent
COPY cassandra/pom.xml cassandra/server/jars.sha256 ./
RUN mvn -B -q dependency:copy-dependencies -DincludeArtifactIds=jmx_prometheus_javaagent -DoutputDirectory=. \
 && grep ' jmx_prometheus_javaagent-' jars.sha256 | sha256sum -c \
 && mv jmx_prometheus_javaagent-*.jar jmx-agent.jar

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-slim
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=agent /agent/jmx-agent.jar /app/jmx-agent.jar
COPY package.json ./
COPY cassandra ./cassandra
COPY monitoring ./monitoring
COPY nginx ./nginx
COPY services ./services
# As in services/local/src/store/services.ts: small heaps and a compile cache, which save 35 MB per service.
ENV NODE_OPTIONS="--max-semi-space-size=2 --max-old-space-size=96" NODE_COMPILE_CACHE=/app/compiled MALLOC_ARENA_MAX=1
# Fills the compile cache: a service without settings loads all its modules and exits with 78. The folders give new volumes their owner.
RUN for name in product cart order user; do node services/$name/src/main.ts 2>/dev/null; [ $? = 78 ] || exit 1; done \
 && mkdir -m 700 /store /secrets /handover \
 && for name in product cart order user; do mkdir -m 700 /handover/$name; done \
 && mkdir -m 755 /handover/grafana \
 && mkdir -p /settings/cassandra /settings/nginx /settings/monitoring \
 && chown -R node:node /store /secrets /handover /settings
USER node
