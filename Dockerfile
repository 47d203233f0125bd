# syntax=docker/dockerfile:1

# Two images: `whoopster` for one command at a time, and `scheduler`, which runs docker/crontab.
ARG NODE_VERSION=24

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY build.js build-embedded.js ./
COPY src src
# For `whoopster --version`: the repository does not come along.
ARG WHOOPSTER_BUILD
RUN node build.js

FROM node:${NODE_VERSION}-bookworm-slim AS whoopster
LABEL org.opencontainers.image.title="whoopster" \
  org.opencontainers.image.description="Copies your WHOOP data into your own PostgreSQL, completely, and keeps the copy true." \
  org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /app
# Readable for user 1000 whatever umask the repository was checked out under.
COPY --chmod=755 package.json LICENSE ./
COPY --chmod=755 bin bin
COPY --chmod=755 drizzle drizzle
COPY --from=build /build/dist dist
# The one package that is not in the bundle: it brings its WebAssembly along.
COPY --from=build /build/node_modules/@electric-sql/pglite node_modules/@electric-sql/pglite
RUN ln -s /app/bin/whoopster.js /usr/local/bin/whoopster
USER 1000:1000
HEALTHCHECK --interval=5m --timeout=30s --start-period=15m CMD ["whoopster", "status", "--max-age", "2h"]
ENTRYPOINT ["whoopster"]
CMD ["--help"]

FROM node:${NODE_VERSION}-bookworm-slim AS supercronic
ARG TARGETARCH
ARG SUPERCRONIC=https://github.com/aptible/supercronic/releases/download/v0.2.33
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN case "${TARGETARCH:-amd64}" in \
    amd64) sum=71b0d58cc53f6bd72cf2f293e09e294b79c666d8 ;; \
    arm64) sum=e0f0c06ebc5627e43b25475711e694450489ab00 ;; \
    *) echo "There is no checksum for ${TARGETARCH}." >&2; exit 1 ;; \
  esac; \
  node -e 'fetch(process.argv[1]).then((answer) => answer.arrayBuffer()).then((file) => fs.writeFileSync("/supercronic", Buffer.from(file)))' \
    "${SUPERCRONIC}/supercronic-linux-${TARGETARCH:-amd64}"; \
  echo "${sum}  /supercronic" | sha1sum --check --strict; \
  chmod 755 /supercronic

FROM whoopster AS scheduler
COPY --from=supercronic /supercronic /usr/local/bin/supercronic
COPY --chmod=755 docker/crontab ./
ENTRYPOINT ["supercronic", "-passthrough-logs"]
CMD ["/app/crontab"]

# What `docker build .` makes.
FROM whoopster
