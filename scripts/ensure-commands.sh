#!/bin/sh
# Makes sure that commands exist: `ensure-commands.sh cc cmake` installs what is missing through the
# system's package manager when it may, and otherwise says in one line what to install.
set -eu

# The packages that bring COMMAND, by package manager: packages_of MANAGER COMMAND
packages_of() {
    case "$1:$2" in
    apt-get:cc) echo gcc libc6-dev ;;
    dnf:cc) echo gcc glibc-devel ;;
    apk:cc) echo gcc musl-dev ;;
    apt-get:prometheus | apt-get:promtool) echo prometheus ;;
    dnf:prometheus | dnf:promtool) echo golang-github-prometheus ;;
    apk:promtool) echo prometheus ;;
    apt-get:nginx) echo nginx-light ;;
    apt-get:h2load) echo nghttp2-client ;;
    dnf:h2load | apk:h2load) echo nghttp2 ;;
    apt-get:python3) echo python3 python3-venv ;;
    *:taskset) echo util-linux ;;
    *) echo "$2" ;;
    esac
}

manager=
for candidate in apt-get dnf apk; do
    if command -v "$candidate" >/dev/null 2>&1; then
        manager=$candidate
        break
    fi
done

missing=
packages=
for wanted in "$@"; do
    if ! command -v "$wanted" >/dev/null 2>&1; then
        missing="$missing $wanted"
        packages="$packages $(packages_of "$manager" "$wanted")"
    fi
done
[ -n "$missing" ] || exit 0
packages=$(printf '%s\n' "$packages" | tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//')

if [ -z "$manager" ]; then
    echo "missing:$missing; please install them, this system has none of apt-get, dnf and apk" >&2
    exit 1
fi
case $manager in
apk) install="apk add --no-cache" ;;
*) install="$manager install -y" ;;
esac
if [ "$(id -u)" != 0 ]; then
    echo "missing:$missing; please install them: sudo $install $packages" >&2
    exit 1
fi

echo "==> missing:$missing; installing $packages with $manager"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# RUNLEVEL=1 keeps Debian from starting the servers among them.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
if [ "$manager" = apt-get ]; then
    install="$install --no-install-recommends"
    apt-get update -qq >"$log" 2>&1 || true
fi
# shellcheck disable=SC2086 # both are lists of words
if ! $install $packages >>"$log" 2>&1; then
    cat "$log" >&2
    echo "could not install $packages; please install what brings these commands:$missing" >&2
    exit 1
fi
for wanted in $missing; do
    if ! command -v "$wanted" >/dev/null 2>&1; then
        echo "installed $packages, but there is still no command '$wanted'" >&2
        exit 1
    fi
done
