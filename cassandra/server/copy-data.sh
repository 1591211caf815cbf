#!/bin/sh
# copy-data.sh FROM TO: makes the folder TO, on the disk of FROM, with all that a Cassandra which stands still (SIGSTOP, docker compose pause)
# has in its folder FROM: what it would find after a power cut at that moment.
set -eu
mkdir -p "$2"
# SSTables are never changed once they are written, so a second name for each will do; those that are being written are named in a log, and
# the next start drops them. The logs themselves are written to, as the commit log is.
cp -al "$1/data" "$2/data"
find "$2/data" -name '*_txn_*.log' -exec sh -c 'cp -p "$1" "$1.copy" && mv "$1.copy" "$1"' sh {} ';'
cp -a "$1/commitlog" "$2/commitlog"
