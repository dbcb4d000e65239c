#!/bin/sh
# Installs, upgrades and removes the daemon on a Debian host. Run it from a checkout, as root:
#
#   deploy/install.sh [install] [--amqp-url-file FILE] [--extras LIST] [--start] [--wheels FOLDER] [--dry-run]
#   deploy/install.sh uninstall [--purge] [--dry-run]
#
#   install     installs or upgrades; what is as it should be is left alone. Settings are never changed.
#     --amqp-url-file FILE   the broker's URL (with its password) becomes the credential of the service
#     --extras LIST          what else the daemon can do: otel (traces), tokenizer (a tokenizer.json of your own),
#                            otel,tokenizer or none; without it, what was said the last time
#     --start                enables and starts the service
#     --wheels FOLDER        takes Python packages from this folder only; nothing is downloaded
#   uninstall   stops the services and removes them, their user and the program; settings are kept
#     --purge                removes the settings and credentials, too, and what systemctl edit, set-property and
#                            mask have made of the services
#   --dry-run   prints what would be done
#
#   PYTHON      the interpreter of the environment (default: /usr/bin/python3)
#
# Where things go:
#   /opt/ingestkit-pdf/releases/ID       one Python environment for each installed version, and its units
#   /opt/ingestkit-pdf/current           a link to the one in use; extras beside it, the list of --extras
#   /etc/ingestkit-pdfd/config.toml      settings; credentials/amqp_url beside them
#   /usr/local/lib/systemd/system        the units; sysusers.d and tmpfiles.d in /usr/local/lib
#   /usr/local/bin/ingestkit-pdf[d]      links to the commands
set -eu
umask 022

base=/opt/ingestkit-pdf
settings=/etc/ingestkit-pdfd
library=/usr/local/lib
bin=/usr/local/bin
user=ingestkit-pdf
units="ingestkit-pdfd.service ingestkit-pdfd@.service system-ingestkit.slice"
commands="ingestkit-pdfd ingestkit-pdf"
known_extras="otel tokenizer"
restart_seconds=300

action=install
dry_run=
purge=
start=
wheels=
url_file=
extras_given=
python=${PYTHON:-/usr/bin/python3}

say() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
fail() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}
usage() {
    printf 'install: %s\n' "$*" >&2
    sed -n '2,/^set -eu$/{/^set -eu$/d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 2
}

# Everything that changes the host goes through here.
run() {
    if [ -n "$dry_run" ]; then note "would run: $*"; else "$@"; fi
}

# Before anything changes that what runs would have to be restarted for: if this run does not come to the
# restart, the next one makes up for it, and knows what was in use before.
will_change() {
    changed=yes
    [ -n "$dry_run" ] || [ -e "$base/.restart-pending" ] || printf '%s' "$previous" >"$base/.restart-pending"
}
has_changed() { [ -n "$dry_run" ] || rm -f "$base/.restart-pending"; }

read_arguments() {
    case ${1:-} in
        install | uninstall) action=$1 && shift ;;
        -h | --help) sed -n '2,/^set -eu$/{/^set -eu$/d;s/^# \{0,1\}//;p;}' "$0" && exit 0 ;;
    esac
    while [ $# -gt 0 ]; do
        case $1 in
            --dry-run) dry_run=yes ;;
            --purge) purge=yes ;;
            --start) start=yes ;;
            --extras)
                [ $# -ge 2 ] || usage "$1 needs a value"
                extras_given=$2
                shift
                ;;
            --wheels | --amqp-url-file)
                [ $# -ge 2 ] || usage "$1 needs a value"
                # The script changes its folder; what was given is seen from where it was called.
                case $2 in /*) path=$2 ;; *) path=$PWD/$2 ;; esac
                if [ "$1" = --wheels ]; then wheels=$path; else url_file=$path; fi
                shift
                ;;
            *) usage "unknown argument '$1'" ;;
        esac
        shift
    done
    [ "$action" = uninstall ] || [ -z "$purge" ] || usage "--purge goes with uninstall"
    [ "$action" = install ] || [ -z "$start$wheels$url_file$extras_given" ] ||
        usage "--start, --extras, --wheels and --amqp-url-file go with install"
    choose_extras
}

# One line of names in a fixed order, each at most once.
choose_extras() {
    wanted=${extras_given:-$(cat "$base/extras" 2>/dev/null || true)}
    [ "$wanted" != none ] || wanted=
    extras=
    for extra in $known_extras; do
        case ,$wanted, in *,"$extra",*) extras=$extras${extras:+,}$extra ;; esac
    done
    for extra in $(printf %s "$wanted" | tr , ' '); do
        case ,$extras, in *,"$extra",*) ;; *) usage "--extras: there is no extra '$extra' (only $known_extras)" ;; esac
    done
}

# ---------------------------------------------------------------- before anything is changed

check_host() {
    [ "$(id -u)" -eq 0 ] || [ -n "$dry_run" ] || fail "this needs root: sudo $0 $action"
    command -v systemctl >/dev/null || fail "systemctl was not found: this host has no systemd"
}

check_input() {
    [ -f pyproject.toml ] && [ -f requirements/runtime.txt ] ||
        fail "run it from a whole checkout: pyproject.toml and requirements/runtime.txt are not beside deploy/"
    [ -z "$wheels" ] || [ -d "$wheels" ] || fail "--wheels: $wheels is not a folder"
    [ -z "$url_file" ] || [ -r "$url_file" ] || fail "--amqp-url-file: $url_file cannot be read"
    command -v "$python" >/dev/null ||
        fail "$python was not found. Install it (apt-get install python3), or name another: PYTHON=/usr/bin/python3.12"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is $("$python" -V 2>&1); Python 3.11 or later is needed. Name another one: PYTHON=/usr/bin/python3.12"
    real=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
    case $real in
        /home/* | /root/*) fail "$real lies in a home folder, which services cannot see. Name one of the system: PYTHON=/usr/bin/python3" ;;
    esac
}

install_venv_module() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    command -v apt-get >/dev/null ||
        fail "$python has no venv module, and there is no apt-get here. Install the package that has it ($package on Debian)."
    say "Installing $package"
    run env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$package" ||
        fail "apt-get could not install $package; its message is above. After 'apt-get update', run this again."
}

# ---------------------------------------------------------------- the environment

# The pins of what is installed: `pins` as names of files, `pins "-r "` as options of pip.
pins() {
    printf '%srequirements/runtime.txt' "${1:-}"
    for extra in $(printf %s "$extras" | tr , ' '); do printf ' %srequirements/%s.txt' "${1:-}" "$extra"; done
}

# Says which version this is: the same sources, pins, extras and interpreter give the same environment.
release_id() {
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
    sum=$({
        "$python" -V
        printf '%s\n' "$extras"
        find backends daemon systemd requirements/build.txt $(pins) pyproject.toml -type f \
            ! -path '*/__pycache__/*' -exec cksum {} + | LC_ALL=C sort -k 3
    } | cksum)
    printf '%s-%s\n' "$version" "${sum%% *}"
}

pip() {
    case $1 in install) [ -z "$wheels" ] || { shift && set -- install --no-index --find-links "$wheels" "$@"; } ;; esac
    run "$release/bin/python" -m pip --quiet --no-input --disable-pip-version-check --no-cache-dir "$@" ||
        fail "pip could not install what is needed; its message is above. It needs your package index, or --wheels FOLDER with the packages (pip download -r requirements/build.txt $(pins '-r ') -d FOLDER)."
}

install_release() {
    release=$base/releases/$(release_id)
    if [ -e "$release/.complete" ]; then
        say "$release is installed already"
        return
    fi
    say "Installing into $release${extras:+, with $extras}"
    run rm -rf "$release"
    run mkdir -p "$base/releases"
    run "$python" -m venv "$release" || fail "the environment $release could not be created"
    # Word splitting is meant here and below: options.
    pip install -r requirements/build.txt $(pins '-r ')
    pip install --no-deps --no-build-isolation .
    pip uninstall --yes -r requirements/build.txt # only to build; and what of it is also needed to run
    pip install $(pins '-r ') # comes back
    run "$release/bin/ingestkit-pdfd" --version >/dev/null || fail "the program does not start in $release"
    run cp -R systemd "$release/systemd"
    run touch "$release/.complete"
}

# Settings that the new version would refuse stop the upgrade before anything has changed. Each daemon that runs
# is asked about with the credentials that it has.
check_settings() {
    systemd_runs || return 0
    wrong=
    for unit in $(active_units); do
        name=${unit#ingestkit-pdfd} && name=${name%.service} && name=${name#@}
        pid=$(systemctl show --property=MainPID --value "$unit")
        [ "$pid" -gt 0 ] && [ -x "$release/bin/ingestkit-pdfd" ] || continue
        env CREDENTIALS_DIRECTORY="/proc/$pid/root/run/credentials/$unit" \
            "$release/bin/ingestkit-pdfd" topology show --config "$settings/${name:-config}.toml" >/dev/null ||
            wrong="$wrong $unit"
    done
    [ -z "$wrong" ] ||
        fail "this version does not take the settings of$wrong; see above. Nothing was changed: mend them and run this again."
}

# The link changes in one step, so there is no moment without a program.
use_release() {
    [ "$(readlink "$base/current" 2>/dev/null)" != "$1" ] || return 0
    say "Using $1"
    will_change
    run ln -sfn "$1" "$base/.next"
    run mv -T "$base/.next" "$base/current"
}

# For the next upgrade.
remember_extras() {
    [ "$(cat "$base/extras" 2>/dev/null)" != "$extras" ] || return 0
    run sh -c 'printf "%s\n" "$1" >"$2"' sh "$extras" "$base/extras"
}

# The one before stays, for whoever wants to go back to it.
remove_old_releases() {
    [ "$previous" != "$release" ] || return 0
    for old in "$base"/releases/*; do
        case $old in
            "$release" | "$previous" | "$base/releases/*") ;;
            *) say "Removing $old" && run rm -rf "$old" ;;
        esac
    done
}

# ---------------------------------------------------------------- what lies beside it

# put SOURCE TARGET: a file of ours; unchanged when it is there and the same.
put() {
    cmp -s "$1" "$2" && return
    note "$2"
    will_change
    run install -D -m 644 "$1" "$2"
}

# The units of the release in this folder.
put_units() {
    for unit in $units; do put "$1/systemd/$unit" "$library/systemd/system/$unit"; done
}

install_files() {
    say "Units, user and folders"
    put_units .
    put systemd/sysusers.d/ingestkit-pdf.conf "$library/sysusers.d/ingestkit-pdf.conf"
    put systemd/tmpfiles.d/ingestkit-pdf.conf "$library/tmpfiles.d/ingestkit-pdf.conf"
    run systemd-sysusers "$library/sysusers.d/ingestkit-pdf.conf"
    run systemd-tmpfiles --create "$library/tmpfiles.d/ingestkit-pdf.conf"
    [ -e "$settings/config.toml" ] || put deploy/config.toml "$settings/config.toml"
    if [ -n "$url_file" ] && ! cmp -s "$url_file" "$settings/credentials/amqp_url"; then
        note "$settings/credentials/amqp_url"
        will_change
        run install -m 600 "$url_file" "$settings/credentials/amqp_url"
    fi
    for command in $commands; do
        [ -e "$bin/$command" ] || run ln -sfn "$base/current/bin/$command" "$bin/$command"
    done
}

# Two at a time would change the link and the units under each other.
lock() {
    [ -z "$dry_run" ] || return 0
    exec 9>/run/ingestkit-pdf-install.lock
    flock --nonblock 9 || fail "another one is at work on this host; wait until it has ended"
}

systemd_runs() { [ -d /run/systemd/system ]; }

restart_services() {
    systemd_runs || { note "systemd is not running here: nothing is started"; has_changed; return; }
    run systemctl daemon-reload
    if [ -n "$changed" ] && [ -n "$(active_units)" ]; then
        say "Restarting what runs: each drains first, and the broker redelivers what it could not finish"
        restart $(active_units) || put_back
    fi
    has_changed
    if [ -n "$start" ]; then
        [ -e "$settings/credentials/amqp_url" ] || [ -n "$dry_run" ] ||
            fail "--start: $settings/credentials/amqp_url is missing; give the broker's URL with --amqp-url-file"
        say "Starting ingestkit-pdfd"
        run systemctl --quiet enable ingestkit-pdfd.service
        [ "$(show ActiveState ingestkit-pdfd.service)" = active ] || restart ingestkit-pdfd.service ||
            fail "it did not start; see: systemctl status ingestkit-pdfd"
    fi
}

# Restarts units and waits for them. False where one is not up in the end; its name is in $down.
restart() {
    down=
    for unit in "$@"; do
        before=$(show InvocationID "$unit")
        run systemctl --no-block restart "$unit"
        [ -n "$dry_run" ] || is_up "$unit" "$before" || down="$down $unit"
    done
    [ -z "$down" ]
}

# Whether a unit is up that was INVOCATION before. One that waits for its broker counts as up, for it goes on by
# itself, once it has waited for longer than a broker that refuses lets it.
is_up() {
    waited=0
    without_broker=0
    while [ "$waited" -lt "$restart_seconds" ]; do
        if [ "$(show InvocationID "$1")" != "$2" ]; then
            case $(show ActiveState "$1"):$(show StatusText "$1") in
                active:*) return 0 ;;
                failed:*) return 1 ;;
                activating:waiting\ for\ the\ broker*)
                    without_broker=$((without_broker + 1))
                    [ "$without_broker" -lt 20 ] || { note "$1: $(show StatusText "$1")"; return 0; }
                    ;;
            esac
        fi
        sleep 1
        waited=$((waited + 1))
    done
    return 1
}

show() { systemctl show --property="$1" --value "$2"; }

# The release from before, with its units, is in use again: what does not come up with the new one is.
put_back() {
    for unit in $down; do
        note "$unit: exit status $(show ExecMainStatus "$unit"); $(show StatusText "$unit")"
        journalctl --quiet --no-pager --output=cat --lines=5 --unit="$unit" | sed 's/^/      /'
    done
    [ -n "$previous" ] && [ "$previous" != "$release" ] && [ -x "$previous/bin/ingestkit-pdfd" ] ||
        fail "not up:$down; see: systemctl status 'ingestkit-pdfd*'"
    say "Going back"
    [ ! -d "$previous/systemd" ] || put_units "$previous"
    use_release "$previous"
    systemctl daemon-reload
    systemctl reset-failed $down || true
    restart $(printf '%s\n' $down $(active_units) | sort -u) ||
        fail "not up with $previous either:$down; see: systemctl status 'ingestkit-pdfd*'"
    has_changed
    fail "the new version does not come up; $previous is in use again. Mend what is said above and run this again."
}

# `activating` is also active: it waits for its broker.
active_units() {
    systemctl list-units --plain --no-legend --state=active,activating,reloading \
        'ingestkit-pdfd.service' 'ingestkit-pdfd@*.service' | awk '{print $1}'
}

all_units() {
    systemctl list-units --all --plain --no-legend 'ingestkit-pdfd.service' 'ingestkit-pdfd@*.service' |
        awk '{print $1}'
}

next_steps() {
    [ -z "$dry_run" ] || { say "Nothing was changed"; return; }
    say "Installed: $("$base/current/bin/ingestkit-pdfd" --version)"
    [ ! -e "$settings/credentials/amqp_url" ] && cat <<END
    Next:
      1. Put the broker's URL, amqp://user:password@host:5672/vhost, into
         $settings/credentials/amqp_url (root only: install -m 600 /dev/stdin …)
      2. Look at the settings: $settings/config.toml
      3. CREDENTIALS_DIRECTORY=$settings/credentials ingestkit-pdfd check
      4. systemctl enable --now ingestkit-pdfd
END
    return 0
}

# ---------------------------------------------------------------- away with it

# What an operator has made of the units with `systemctl edit`, `set-property` and `mask`.
made_by_hand() {
    for folder in /etc/systemd/system /etc/systemd/system.control /run/systemd/system /run/systemd/system.control; do
        for path in "$folder"/ingestkit-pdfd.service* "$folder"/ingestkit-pdfd@*.service* "$folder"/system-ingestkit.slice*; do
            if [ -e "$path" ] || [ -L "$path" ]; then printf '%s\n' "$path"; fi
        done
    done
}

uninstall() {
    if systemd_runs; then
        running=$(all_units)
        if [ -n "$running" ]; then
            say "Stopping $(printf '%s ' $running)"
            run systemctl stop $running || fail "a service could not be stopped; see: systemctl status 'ingestkit-pdfd*'"
            run systemctl --quiet reset-failed $running 2>/dev/null || true
        fi
    fi
    say "Removing units, links and the program"
    for link in /etc/systemd/system/*.wants/ingestkit-pdfd.service /etc/systemd/system/*.wants/ingestkit-pdfd@*.service; do
        [ ! -L "$link" ] || run rm -f "$link"
    done
    for unit in $units; do run rm -f "$library/systemd/system/$unit"; done
    run rm -f "$library/sysusers.d/ingestkit-pdf.conf" "$library/tmpfiles.d/ingestkit-pdf.conf"
    for command in $commands; do
        case $(readlink "$bin/$command" 2>/dev/null) in
            "$base"/*) run rm -f "$bin/$command" ;;
        esac
    done
    run rm -rf "$base"
    for folder in systemd/system systemd sysusers.d tmpfiles.d; do
        [ ! -d "$library/$folder" ] || run rmdir --ignore-fail-on-non-empty "$library/$folder"
    done
    if getent passwd "$user" >/dev/null; then run userdel "$user"; fi
    if getent group "$user" >/dev/null; then run groupdel "$user" 2>/dev/null || true; fi
    if [ -n "$purge" ]; then
        say "Removing settings and credentials"
        run rm -rf "$settings" $(made_by_hand)
        for folder in /etc/systemd/system.control /run/systemd/system.control; do
            [ ! -d "$folder" ] || run rmdir --ignore-fail-on-non-empty "$folder"
        done
    else
        for path in "$settings" $(made_by_hand); do
            [ ! -e "$path" ] && [ ! -L "$path" ] || note "$path is kept; 'uninstall --purge' removes it, too"
        done
    fi
    for path in /etc/credstore.encrypted/amqp_url /etc/credstore.encrypted/*.amqp_url; do
        [ ! -e "$path" ] || note "$path is kept: remove it where no other service has a credential of that name"
    done
    if systemd_runs; then run systemctl daemon-reload; fi
    if [ -n "$dry_run" ]; then say "Nothing was changed"; else say "Removed"; fi
}

read_arguments "$@"
cd "$(dirname "$0")/.."
check_host
lock
if [ "$action" = uninstall ]; then
    uninstall
    exit 0
fi
check_input
changed=
previous=$(readlink "$base/current" 2>/dev/null || true)
if [ -e "$base/.restart-pending" ]; then
    changed=yes
    previous=$(cat "$base/.restart-pending")
fi
install_venv_module
install_release
check_settings
install_files
use_release "$release"
remember_extras
restart_services
remove_old_releases
next_steps
