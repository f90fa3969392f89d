#!/usr/bin/env bash
# Bring docker-compose.yml up from nothing, put an export through it, scale the extractors, take it down again.
# Needs a Docker engine with compose; runs beside a stack that is up, in a project and on ports of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

docker version >/dev/null 2>&1 || { echo "compose-test: no Docker engine answers; start one and try again" >&2; exit 2; }

free_ports() { # COUNT: that many ports that nothing listens on
  "${PYTHON:-python3}" - "$1" <<'PY'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
PY
}
read -r GATEWAY_HOST_PORT KAFKA_HOST_PORT POSTGRES_HOST_PORT PROMETHEUS_HOST_PORT < <(free_ports 4)
export GATEWAY_HOST_PORT KAFKA_HOST_PORT POSTGRES_HOST_PORT PROMETHEUS_HOST_PORT
export COMPOSE_PROJECT_NAME="soulprint-test-$$" SOULPRINT_TAG="test-$$" COMPOSE_ANSI=never IMPORTS_FOLDER=./examples

compose() { docker compose "$@"; }
soulprint() { compose run --rm --no-TTY soulprint "$@" 2>/dev/null; }
say() { printf 'compose-test: %3ss  %s\n' "$SECONDS" "$*"; }
fail() { say "FAILED: $*"; exit 1; }
field() { "${PYTHON:-python3}" -c 'import json, sys; print(eval(sys.argv[1], {"it": json.load(sys.stdin), "len": len, "sum": sum}))' "$1"; }

finish() {
  local code=$?
  if ((code)); then compose ps --all; compose logs --tail 40; fi
  compose --profile tools down --volumes --timeout 40 >/dev/null 2>&1
  docker image rm "soulprint:$SOULPRINT_TAG" >/dev/null 2>&1 || true
  exit "$code"
}
trap finish EXIT

healthy() { # SERVICE: how many of its replicas are
  compose ps --format json "$1" | grep -c '"Health":"healthy"' || true
}
scraped() { # SERVICE: how many of its replicas Prometheus sees
  compose exec -T prometheus wget -q -O - "http://127.0.0.1:9090/api/v1/query?query=sum(up%7Bservice=%22$1%22%7D)" |
    field 'sum(int(r["value"][1]) for r in it["data"]["result"])'
}
until_is() { # WANTED SECONDS COMMAND...: wait until the command prints it
  local wanted=$1 deadline=$((SECONDS + $2)) found
  shift 2
  until found=$("$@") && [[ $found == "$wanted" ]]; do
    ((SECONDS < deadline)) || fail "$*: ${found:-nothing}, not $wanted"
    sleep 1
  done
}
import_for() { # USER: submit the example, wait for its end, and compare the memory
  local id facts
  id=$(soulprint submit /imports/export.zip --user "$1" --json | field 'it["import_id"]')
  soulprint status "$id" || fail "the import of $1 did not end complete"
  facts=$(soulprint status "$id" --json | field 'it["facts_extracted"]')
  ((facts > 50)) || fail "only $facts facts of $1"
  soulprint show --user "$1" --section memory | grep 'I live in Porto' >/dev/null || fail "the memory of $1 lacks where they live"
  say "the memory of $1 is there, from $facts facts"
}
gateway() { # PATH CURL-OPTION...: its answer, which must be none of an error
  local path=$1
  shift
  curl --silent --show-error --fail-with-body --max-time 60 "$@" "http://127.0.0.1:$GATEWAY_HOST_PORT$path"
}
import_over_http() { # USER PIPELINE: send the example to the gateway, watch it to its end, and read what is served
  local query="user_id=$1&pipeline=$2" id
  id=$(gateway "/imports?$query" --request POST --upload-file examples/export.zip --header 'Content-Type: application/zip' |
    field 'it["import_id"]')
  # Not grep -q: it would be gone before the last event, and curl would find nobody to write it to.
  gateway "/imports/$id/events" --no-buffer | grep '"state":"complete"' >/dev/null || fail "the import over HTTP did not end complete"
  gateway "/profiles/$1" | field 'it["pipeline"], any("\n- " in text for text in it["sections"].values())' |
    grep "('$2', True)" >/dev/null || fail "$2 serves no sections over HTTP"
  say "what was sent to the gateway is served, by $2"
}

# Where no registry is reached, what stands under the tag without its digest is tried instead, and it is said.
at_hand() { # VARIABLE REFERENCE STAND-IN: leave the pinned image, or name the stand-in
  docker image inspect "$2" >/dev/null 2>&1 || timeout 300 docker pull --quiet "$2" >/dev/null 2>&1 || {
    docker image inspect "$3" >/dev/null 2>&1 || fail "$2 cannot be pulled, and there is no $3"
    export "$1=$3"
    say "no registry: $3, as it is here, in place of ${2%@*}"
  }
}
pinned() { # VARIABLE: the image that it replaces
  sed -n "s/^ARG $1=\(.*\)/\1/p; s/.*{$1:-\(.*\)}/\1/p" Dockerfile docker-compose.yml
}
at_hand PYTHON_IMAGE "$(pinned PYTHON_IMAGE)" python:3.11-slim
at_hand KAFKA_IMAGE "$(pinned KAFKA_IMAGE)" apache/kafka:4.1.1
at_hand POSTGRES_IMAGE "$(pinned POSTGRES_IMAGE)" postgres:18
at_hand PROMETHEUS_IMAGE "$(pinned PROMETHEUS_IMAGE)" prom/prometheus:v2.53.0

say "the rules of the alerts"
for check in "check config prometheus.yml" "test rules alerts_test.yml"; do
  # shellcheck disable=SC2086
  docker run --rm --volume "$PWD/deploy:/deploy:ro" --workdir /deploy --entrypoint promtool "${PROMETHEUS_IMAGE:-$(pinned PROMETHEUS_IMAGE)}" $check
done

say "building"
compose build --quiet
say "the image takes $(($(docker image inspect --format '{{.Size}}' "soulprint:$SOULPRINT_TAG") / 1000000)) MB"
[[ $(docker run --rm "soulprint:$SOULPRINT_TAG" id -u) != 0 ]] || fail "the image runs as root"

compose up --detach --wait >/dev/null 2>&1 || fail "not everything became healthy"
say "up and healthy"
import_for nora
[[ $(gateway /health | field 'it["status"]') == healthy ]] || fail "the gateway is not healthy"
import_over_http 5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42 v2
import_over_http 7c1d0b0e-3f62-4a0c-8a55-0d4f1f1f9b11 v1
for service in gateway quickpass; do until_is 1 60 scraped "$service"; done

compose up --detach --wait --no-recreate --scale extractor=3 >/dev/null 2>&1 || fail "three extractors did not become healthy"
until_is 3 30 healthy extractor
until_is 3 60 scraped extractor
say "three extractors, each seen by Prometheus"
import_for quigley

compose stop --timeout 40 gateway router quickpass chunker extractor consolidator writer >/dev/null 2>&1
unclean=$(compose ps --all --format json | grep -c '"ExitCode":[1-9]' || true)
((unclean == 0)) || fail "$unclean containers did not end cleanly"
say "every service stopped by itself when told to"
