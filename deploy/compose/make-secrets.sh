#!/bin/sh
# Makes the passwords of the compose file, once; existing ones are left alone.
# The folder is closed to others. The files in it are not, since containers read them as users of their own.
set -eu

cd "$(dirname "$0")"
umask 022
[ ! -e secrets/amqp_url ] || { echo "make-secrets: secrets/ is there already"; exit 0; }
mkdir -m 700 -p secrets
password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

broker=$(password)
printf 'default_user = ingestkit\ndefault_pass = %s\n' "$broker" >secrets/broker.conf
password >secrets/grafana_password
printf 'amqp://ingestkit:%s@broker:5672/' "$broker" >secrets/amqp_url
