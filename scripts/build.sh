#!/bin/sh
# Builds the gateway: `build.sh PROFILE`. `build.sh --where PROFILE` prints where the binary is.
# With `--image` it is one that can stand alone: static or not at all, without symbols, and with no
# word of the machine it was built on.
set -eu
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
where() {
    case ${2:-} in
    --image) echo "$target/standing/$1/nuncio" ;;
    *) echo "$target/$1/nuncio" ;;
    esac
}
if [ "$1" = --where ]; then
    shift
    where "$@"
    exit 0
fi

triple=$(cargo -vV | sed -n 's/^host: //p')
# The allocator is built for one size of page, and fails where pages are larger; 64 KiB suits every
# kernel that arm64 has.
case $triple in
aarch64-*) export JEMALLOC_SYS_WITH_LG_PAGE=16 ;;
esac

static="-C target-feature=+crt-static"
if [ "${2:-}" = --image ]; then
    home=${CARGO_HOME:-$HOME/.cargo}
    libraries=$(rustc --print sysroot)
    # Said of all that is compiled, so that nothing tells of places here.
    export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$home=/cargo \
--remap-path-prefix=$libraries=/rust --remap-path-prefix=$PWD=/nuncio \
--remap-path-prefix=$target=/target"
    # Without a dynamic linker it cannot be found out whether the system has this call; it has.
    RUSTFLAGS="$RUSTFLAGS --cfg getrandom_backend=\"linux_getrandom\""
    export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$home=/cargo -ffile-prefix-map=$target=/target"
    static="$static -C strip=symbols"
    # Of functions that are the same to the byte one is enough. The linker that rustup brings can tell;
    # it is the one that is used on this platform alone.
    if [ "$triple" = x86_64-unknown-linux-gnu ] && [ -x "$libraries/lib/rustlib/$triple/bin/rust-lld" ]; then
        static="$static -C link-arg=-Wl,--icf=all"
        # Where the addresses are that a program of no fixed place has to put right at its start, as bits
        # rather than as a list: 0.7 MB less. What does it at the start is glibc's own code, from 2.36 on.
        glibc=$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)
        if [ "$(printf '%s\n2.36\n' "$glibc" | sort -V | head -n 1)" = 2.36 ]; then
            static="$static -C link-arg=-Wl,-z,pack-relative-relocs"
        fi
    fi
    target=$target/standing
elif [ ! -f "$(cc -print-file-name=libc.a 2>/dev/null)" ]; then
    # Good enough to run here.
    static=
fi

echo "==> building the gateway (profile $1); the first build takes some minutes"
# Flags after -- are for the binary alone: build scripts and macros cannot be static.
# shellcheck disable=SC2086 # a list
exec cargo rustc -p nuncio --bin nuncio --profile "$1" --target-dir "$target" -- $static
