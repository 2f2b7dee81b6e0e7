#!/usr/bin/env bash
# Fails when a generated file is not what its source gives.
set -euo pipefail
cd "$(dirname "$0")/.."
before=$(git ls-files -mo --exclude-standard -- '*_templ.go' static/dist static/manifest.go docs/config.md | xargs -r sha256sum)
make -s generate >/dev/null
after=$(git ls-files -mo --exclude-standard -- '*_templ.go' static/dist static/manifest.go docs/config.md | xargs -r sha256sum)
if [ "$before" != "$after" ]; then
  echo "generated files were stale; they are fresh now, commit them:"
  git status --short -- '*_templ.go' static/dist static/manifest.go docs/config.md
  exit 1
fi
