#!/usr/bin/env bash
# Checks the TypeScript types. Needs node and npm; in CI they must be there.
set -euo pipefail
cd "$(dirname "$0")/../static"
if ! command -v npm >/dev/null; then
  [ -z "${CI:-}" ] || { echo "npm is missing: TypeScript types cannot be checked"; exit 1; }
  echo "SKIPPED: TypeScript types (npm is not installed)"
  exit 0
fi
[ -d node_modules/typescript ] || npm ci --silent --no-audit --no-fund
npx --no-install tsc --noEmit -p .
