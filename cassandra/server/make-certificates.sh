#!/usr/bin/env bash
# make-certificates.sh <folder> <name>…: an authority (authority.pem, and its key), and for each node that is called by such a name, or has such
# an address, a certificate with its key (<name>.pem). What is there stays; a node that comes later gets one of the same authority.
set -euo pipefail
umask 077
folder=$1
shift
mkdir -p "$folder"
cd "$folder"

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -f authority.pem ]; then
  new_key authority-key.pem
  openssl req -x509 -new -key authority-key.pem -days 3650 -subj '/CN=Product Store Cassandra' -out authority.pem.new
  chmod 644 authority.pem.new
  mv authority.pem.new authority.pem
fi
for name in "$@"; do
  [ ! -f "$name.pem" ] || continue
  [[ $name =~ ^[0-9.]+$|: ]] && kind=IP || kind=DNS
  new_key "$name.new"
  openssl req -new -key "$name.new" -subj "/CN=$name" |
    openssl x509 -req -CA authority.pem -CAkey authority-key.pem -days 825 \
      -extfile <(printf 'subjectAltName=%s:%s\nextendedKeyUsage=serverAuth\n' "$kind" "$name") >>"$name.new" 2>/dev/null
  mv "$name.new" "$name.pem"
done
