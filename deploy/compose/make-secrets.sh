#!/bin/sh
# Makes the passwords of the compose file, once; existing ones are left alone.
# The folder is closed to others. The files in it are not, since containers read them as users of their own.
set -eu

cd "$(dirname "$0")"
umask 022
[ ! -e secrets ] || { echo "make-secrets: secrets/ is there already"; exit 0; }
mkdir -m 700 secrets
password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

definitions=$(cat ../rabbitmq/definitions.json)
for who in producer daemon operator; do
    word=$(password)
    printf 'amqp://ingestkit-pdf-%s:%s@broker:5672/ingestkit-pdf' "$who" "$word" >"secrets/${who}_url"
    definitions=$(printf '%s\n' "$definitions" |
        sed "/\"name\": \"ingestkit-pdf-$who\"/s/\"password_hash\": .*_sha256\"/\"password\": \"$word\"/")
done
printf '%s\n' "$definitions" >secrets/definitions.json
password >secrets/grafana_password
