# syntax=docker/dockerfile:1

ARG NODE_VERSION=24

# What is built is the same on every architecture, and so it is built on the builder's own.
FROM --platform=$BUILDPLATFORM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY build.js build-embedded.js ./
COPY src src
# For `whoopster --version`: the repository does not come along.
ARG WHOOPSTER_BUILD
RUN node build.js
RUN mkdir commands && ln -s /app/bin/whoopster.js commands/whoopster && \
  ln -s /app/docker/schedule.sh commands/whoopster-schedule

# Runs nothing while it is built, and so needs no emulator for another architecture.
FROM node:${NODE_VERSION}-bookworm-slim AS whoopster
LABEL org.opencontainers.image.title="whoopster" \
  org.opencontainers.image.description="Copies your WHOOP data into your own PostgreSQL, completely, and keeps the copy true." \
  org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /app
# Readable for user 1000 whatever umask the repository was checked out under.
COPY --chmod=755 package.json LICENSE ./
COPY --chmod=755 bin bin
COPY --chmod=755 docker/schedule.sh docker/schedule.sh
COPY --chmod=755 drizzle drizzle
COPY --from=build /build/dist dist
# The one package that is not in the bundle: it brings its WebAssembly along.
COPY --from=build /build/node_modules/@electric-sql/pglite node_modules/@electric-sql/pglite
COPY --from=build /build/commands /usr/local/bin
USER 1000:1000
HEALTHCHECK --interval=5m --timeout=30s --start-period=15m CMD ["whoopster", "status", "--max-age", "2h"]
ENTRYPOINT ["whoopster"]
CMD ["--help"]
