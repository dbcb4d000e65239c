#!/bin/sh
# Installs what the fault tests need, where that is possible: as root, with apt-get. Else those tests are skipped.
set -eu

command -v debootstrap >/dev/null && command -v faketime >/dev/null && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
echo "==> Installing debootstrap and faketime"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq -y install --no-install-recommends debootstrap faketime >/dev/null
