#!/bin/sh
# Runs a command with a loopback interface and a name server of its own, where the machine allows it, and
# else as it is: `alone.sh COMMAND [ARGUMENT...]`.
set -eu

if [ "$1" = --inside ]; then
    shift
    python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 1))' # SIOCSIFFLAGS, IFF_UP
    resolving=$(mktemp)
    echo "nameserver 127.0.0.1" >"$resolving"
    mount --bind "$resolving" /etc/resolv.conf
    rm "$resolving"
    exec "$@"
fi

for mapped in "" --map-root-user; do
    # shellcheck disable=SC2086 # one word or none
    if unshare --net --mount $mapped true 2>/dev/null; then
        exec unshare --net --mount $mapped "$0" --inside "$@"
    fi
done
echo "no namespaces to be had: other programs may disturb this, and no names are resolved" >&2
exec "$@"
