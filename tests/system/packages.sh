#!/bin/sh
# Installs what the system tests need, where that is possible: as root, with apt-get. Else they are skipped.
set -eu

command -v systemd-nspawn >/dev/null && command -v debootstrap >/dev/null && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
echo "==> Installing systemd-container and debootstrap"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq -y install --no-install-recommends systemd-container debootstrap >/dev/null
