#!/usr/bin/env bash
# Installs what the tests need from Debian when it may, and says loudly what is
# missing when it may not. In CI something missing is an error.
set -euo pipefail
need=()
have() { dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed'; }
for p in gcc libc6-dev chromium dovecot-imapd dovecot-lmtpd postfix postgresql nginx-light openssl nodejs npm fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji; do
  case $p in
    gcc | libc6-dev) command -v gcc >/dev/null && continue ;; # the race detector links with it
    nginx-light) [ -x /usr/sbin/nginx ] && continue ;;
    nodejs) command -v node >/dev/null && continue ;;
    npm) command -v npm >/dev/null && continue ;;
    chromium) command -v chromium >/dev/null && continue ;;
    postgresql) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && continue ;;
  esac
  have "$p" || need+=("$p")
done
[ ${#need[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # Packages must not start servers of their own.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=600 update -qq
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${need[@]}" >/dev/null
  exit 0
fi
echo "NOT INSTALLED, and their tests will be skipped: ${need[*]}"
[ -z "${CI:-}" ]
