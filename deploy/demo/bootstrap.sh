#!/bin/sh
# Makes a machine with python3, make and apt ready: a virtual environment with the pinned requirements and
# this project in it, and RabbitMQ from the distribution. Does nothing, quickly, where all is there.
#
#   bootstrap.sh runtime|dev|bench     runtime: what runs; dev: with tests and linters; bench: with the peers
#
#   VENV      the environment                     (default: .venv)
#   PYTHON    the interpreter it is made with     (default: python3)
#   AMQP_URL  a running broker: then RabbitMQ is not installed (runtime only; the tests need one to break)
set -eu

kind=${1:-runtime}
case $kind in
    runtime | dev | bench) ;;
    *) echo "bootstrap: unknown kind '$kind': use runtime, dev or bench" >&2 && exit 2 ;;
esac

cd "$(dirname "$0")/../.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}
stamp=$venv/.ingestkit-$kind

say() { printf '==> %s\n' "$*"; }
fail() {
    printf 'bootstrap: %s\n' "$*" >&2
    exit 1
}

# ---------------------------------------------------------------- what is missing

check_python() {
    command -v "$python" >/dev/null || fail "$python was not found. Install Python 3.11 or later, or name it: PYTHON=/path/to/python3"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is $("$python" -V 2>&1); Python 3.11 or later is needed. Name another one: PYTHON=python3.12"
}

has_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

has_rabbitmq() {
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || [ -x /opt/rabbitmq/sbin/rabbitmq-server ] ||
        command -v rabbitmq-server >/dev/null
}

# Dramatiq keeps its results there.
needs_redis() { [ "$kind" = bench ] && ! command -v redis-server >/dev/null; }

needs_rabbitmq() { [ "$kind" != runtime ] || [ -z "${AMQP_URL:-}" ]; }

venv_package() { "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'; }

# ---------------------------------------------------------------- packages of the distribution

# Runs as root with the packages as arguments. The packages would start and enable services; what is wanted
# are the programs, so a policy forbids starting for as long as this takes, and enabling is undone.
install_as_root='
set -eu
policy=/usr/sbin/policy-rc.d
remove_policy() { :; }
if [ ! -e $policy ]; then
    remove_policy() { rm -f $policy; }
    trap remove_policy EXIT
    trap "exit 130" INT
    trap "exit 143" TERM HUP
    printf "#!/bin/sh\nexit 101\n" >$policy
    chmod 755 $policy
fi
had_epmd=$(dpkg-query -W -f "\${db:Status-Status}" erlang-base 2>/dev/null || true)
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y install --no-install-recommends "$@"
case " $* " in *" prometheus "*)
    update-rc.d prometheus disable >/dev/null 2>&1 || true
    if command -v systemctl >/dev/null; then systemctl --quiet disable prometheus.service || true; fi
esac
case " $* " in *" redis-server "*)
    update-rc.d redis-server disable >/dev/null 2>&1 || true
    if command -v systemctl >/dev/null; then systemctl --quiet disable redis-server.service || true; fi
esac
case " $* " in *" rabbitmq-server "*)
    update-rc.d rabbitmq-server disable >/dev/null 2>&1 || true
    if command -v systemctl >/dev/null; then
        units="rabbitmq-server.service"
        [ "$had_epmd" = installed ] || units="$units epmd.socket epmd.service"
        systemctl --quiet disable $units || true
    fi
esac
'

install_packages() {
    command -v apt-get >/dev/null ||
        fail "missing: $*, and there is no apt-get here. Install them with this system's package manager (RabbitMQ 3.10 or later), or set AMQP_URL to a running broker."
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "missing: $*, and neither root nor sudo is at hand. Have an administrator run: apt-get install $*
(or set AMQP_URL to a running broker, where it is RabbitMQ that is missing)"
        as_root=sudo
    fi
    say "Installing $* with apt-get${as_root:+ (sudo may ask for your password)}"
    log=$(mktemp)
    if ! $as_root sh -c "$install_as_root" sh "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install: $*. Its last lines are above; mend that and run this again, or set AMQP_URL to a running broker."
    fi
    rm -f "$log"
}

install_missing_packages() {
    missing=
    "$venv/bin/python" -c 'import pip' 2>/dev/null || has_venv || missing=$(venv_package)
    if needs_rabbitmq && ! has_rabbitmq; then
        missing="$missing rabbitmq-server"
    fi
    if needs_redis; then
        missing="$missing redis-server"
    fi
    # Word splitting is meant: one argument for each package.
    [ -z "$missing" ] || install_packages $missing
}

# Language data of OCR, where TESSDATA_PREFIX says or where distributions put them.
has_language() {
    for folder in ${TESSDATA_PREFIX:+"$TESSDATA_PREFIX" "$TESSDATA_PREFIX/tessdata"} \
        /usr/share/tesseract-ocr/*/tessdata /usr/share/tessdata; do
        [ ! -e "$folder/$1.traineddata" ] || return 0
    done
    return 1
}

# Some tests look at the broker over TLS, at the daemon through Prometheus, and read scans; without these they
# are skipped.
install_test_packages() {
    [ "$kind" = dev ] || return 0
    missing=
    for package in openssl prometheus; do
        command -v "$package" >/dev/null || missing="$missing $package"
    done
    for language in eng osd; do
        has_language "$language" || missing="$missing tesseract-ocr-$language"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        say "Tests that need$missing will be skipped; to run them: apt-get install$missing"
        return 0
    fi
    install_packages $missing
}

# ---------------------------------------------------------------- the environment

requirements() {
    echo build.txt runtime.txt
    [ "$kind" = runtime ] || echo dev.txt
    [ "$kind" != bench ] || echo bench.txt
}

# What the environment was made from; another answer than the one in the stamp means: install again.
fingerprint() {
    "$venv/bin/python" -c 'import sys; print(sys.version)'
    for file in $(requirements); do cksum <"requirements/$file"; done
    cksum <pyproject.toml
    pwd
}

pip_install() {
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input "$@" ||
        fail "pip could not install what is needed; its message is above. A network connection to your package index is needed the first time."
}

make_environment() {
    "$venv/bin/python" -c 'import pip' 2>/dev/null || {
        say "Creating the environment $venv with $("$python" -V)"
        rm -rf "$venv"
        "$python" -m venv "$venv" || fail "the virtual environment $venv could not be created"
    }
    if [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
        return
    fi
    say "Installing the pinned requirements ($kind) into $venv"
    rm -f "$stamp"
    set --
    for file in $(requirements); do set -- "$@" -r "requirements/$file"; done
    pip_install "$@"
    pip_install --no-deps --no-build-isolation --editable .
    fingerprint >"$stamp"
}

check_python
install_missing_packages
install_test_packages
make_environment
