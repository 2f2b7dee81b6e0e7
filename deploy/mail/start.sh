#!/usr/bin/env bash
# Runs Dovecot and Postfix together until it is told to stop: in the image made by
# the Dockerfile beside it, and in the tests. Needs root. Settings:
#   DIR      folder for everything written (kept between runs)
#   LISTEN   address to listen on; ports by IMAP IMAPS SUBMISSION SMTPS, LMTP inside
#   DOMAIN   domain of the people, who are in USERS: "name:password name:password"
#   NAMES    what else the certificate is for: "DNS:mail,IP:192.0.2.1"
#   DOVECOT  more lines for dovecot.conf
# It says "ready" once both answer.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
DIR=${DIR:-/srv/mail} LISTEN=${LISTEN:-0.0.0.0} DOMAIN=${DOMAIN:-example.org} USERS=${USERS:-anybody:secret}
IMAP=${IMAP:-143} IMAPS=${IMAPS:-993} SUBMISSION=${SUBMISSION:-587} SMTPS=${SMTPS:-465} LMTP=${LMTP:-24}
case $(dovecot --version) in
  2.3.*) ;;
  *) echo "the configuration is written for Dovecot 2.3, here is $(dovecot --version)" >&2; exit 1 ;;
esac
mkdir -p "$DIR"/{log,tls,dovecot,mail} "$DIR"/postfix/{etc,queue,data}
chmod 755 "$DIR" "$DIR"/{log,tls,dovecot,mail,postfix}
chown mail:mail "$DIR/mail"
chown postfix "$DIR/postfix/data"

# an authority of its own, and a certificate for this server
if [ ! -s "$DIR/tls/server.pem" ]; then
  ( cd "$DIR/tls"; umask 077
    key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
    key ca.key; key server.key
    openssl req -x509 -new -key ca.key -days 3650 -subj "/CN=Test authority" -out ca.pem \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
    openssl req -new -key server.key -subj "/CN=localhost" -out server.csr 2>/dev/null
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "${NAMES:+,$NAMES}" >extensions
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3600 -extfile extensions -out server.pem 2>/dev/null
    chmod 644 ca.pem server.pem )
fi
: >"$DIR/users"; : >"$DIR/postfix/etc/recipients"
for u in $USERS; do
  echo "${u%%:*}:{PLAIN}${u#*:}::::::" >>"$DIR/users"
  echo "${u%%:*}@$DOMAIN ${u%%:*}" >>"$DIR/postfix/etc/recipients"
done
chmod 644 "$DIR/users"
fill() {
  sed -e "s|@DIR@|$DIR|g" -e "s|@LISTEN@|$LISTEN|g" -e "s|@DOMAIN@|$DOMAIN|g" -e "s|@LMTP@|$LMTP|g" \
    -e "s|@IMAP@|$IMAP|g" -e "s|@IMAPS@|$IMAPS|g" -e "s|@SUBMISSION@|$SUBMISSION|g" -e "s|@SMTPS@|$SMTPS|g" "$here/$1"
}
{ fill dovecot.conf; printf '%s\n' "${DOVECOT:-}"; } >"$DIR/dovecot.conf"
fill main.cf >"$DIR/postfix/etc/main.cf"
fill master.cf >"$DIR/postfix/etc/master.cf"

stop() {
  trap - TERM INT
  [ -z "${dovecot:-}" ] || kill "$dovecot" 2>/dev/null || true
  [ -z "${postfix:-}" ] || kill "$postfix" 2>/dev/null || true
  wait || true
  exit "${1:-0}"
}
trap 'stop 0' TERM INT
dovecot -F -c "$DIR/dovecot.conf" & dovecot=$!
/usr/lib/postfix/sbin/post-install meta_directory=/etc/postfix command_directory=/usr/sbin daemon_directory=/usr/lib/postfix/sbin \
  config_directory="$DIR/postfix/etc" create-missing >/dev/null 2>&1 || true
postfix -c "$DIR/postfix/etc" check 2>/dev/null || true # makes the queue's folders
/usr/lib/postfix/sbin/master -c "$DIR/postfix/etc" -d & postfix=$!

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
for _ in $(seq 300); do
  kill -0 "$dovecot" 2>/dev/null && kill -0 "$postfix" 2>/dev/null || { echo "a server did not start:"; cat "$DIR"/log/*.log 2>/dev/null; stop 1; }
  if answers "$IMAP" && answers "$SUBMISSION"; then echo ready; break; fi
  sleep 0.1
done
wait -n || true
stop 1
