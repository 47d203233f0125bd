#!/usr/bin/env bash
# docker-compose.yml on a real Docker, by its demo: up, stored, read by Grafana, stopped, down and up, backed up and restored.
# Takes ten minutes, ports 3000 and 5432, and leaves nothing behind. COMPOSE is another compose ("docker-compose"), and
# GRAFANA=no for where there is none; with BUILD= it takes the image that is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra program <<<"${COMPOSE:-docker compose}"

compose() { "${program[@]}" --env-file docker/demo.env "$@"; }
sql() { compose exec -T postgres psql --username=whoopster --no-align --tuples-only --command="$1"; }
stored() { sql "select (select count(*) from sleep_records), (select count(*) from cycle_records), (select count(*) from oauth_tokens)"; }
step() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# until SECONDS what... : asks every two seconds
until_() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || fail "$*"
    sleep 2
  done
}

finish() {
  local code=$?
  [ "$code" = 0 ] || compose logs --tail=50 || true
  compose down --volumes --remove-orphans >/dev/null 2>&1 || true
  exit "$code"
}
trap finish EXIT

step 'up'
compose up --detach ${BUILD---build}

step 'the first member is stored'
has_days() { [ "$(sql 'select count(*) > 300 from daily_summary')" = t ]; }
until_ 600 has_days
stored

step 'Grafana reads it, and no login'
PGPASSWORD=demo compose exec -T -e PGPASSWORD=demo postgres psql --host=postgres --username=whoopster_grafana --dbname=whoopster \
  --no-align --tuples-only --command='select count(*) > 300 from daily_summary' | grep -qx t || fail 'the reader sees nothing'
! compose exec -T -e PGPASSWORD=demo postgres psql --host=postgres --username=whoopster_grafana --dbname=whoopster \
  --command='select * from oauth_tokens' 2>/dev/null || fail 'the reader sees logins'
if [ "${GRAFANA:-yes}" = yes ]; then
  boards() { curl --silent --user admin:demo 'http://localhost:3000/api/search?type=dash-db' | grep -o '"uid":' | wc -l; }
  has_boards() { [ "$(boards)" = "$(ls grafana/dashboards/*.json | wc -l)" ]; }
  until_ 120 has_boards
fi

step 'the program is healthy, as its HEALTHCHECK asks'
compose exec -T scheduler whoopster status --max-age 2h --user 10001

step 'stopping it takes seconds, in whatever it is'
began=$SECONDS
compose stop demo scheduler
[ $((SECONDS - began)) -lt 100 ] || fail "it took $((SECONDS - began)) seconds"

step 'down and up again: nothing is lost'
before=$(stored)
compose down
compose up --detach postgres
until_ 120 stored
[ "$(stored)" = "$before" ] || fail "$before became $(stored)"

step 'backup, and restore'
backup=$(mktemp)
compose exec -T postgres pg_dump --username=whoopster --format=custom whoopster >"$backup"
sql 'truncate users cascade' >/dev/null
[ "$(stored)" = '0|0|0' ] || fail 'nothing was lost, so nothing can come back'
compose exec -T postgres pg_restore --username=whoopster --clean --if-exists --dbname=whoopster <"$backup"
rm "$backup"
[ "$(stored)" = "$before" ] || fail "$before became $(stored)"
compose run --rm -T --no-deps whoopster status --user 10001

printf '\nAll of it works.\n'
