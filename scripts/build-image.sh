#!/bin/sh
# Builds the container image `nuncio:latest` (or $IMAGE) around a statically linked binary, with
# whichever of docker, podman and buildah is there and works.
set -eu
cd "$(dirname "$0")/.."

image=${IMAGE:-nuncio:latest}
profile=${PROFILE:-release}
# Named, so that the flags below reach the binary but no build script or procedural macro.
triple=$(cargo -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-$PWD/target}

authorities=
for candidate in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [ -f "$candidate" ]; then
        authorities=$candidate
        break
    fi
done
if [ -z "$authorities" ]; then
    echo "no bundle of certificate authorities to put into the image; please install ca-certificates" >&2
    exit 1
fi

# The allocator is built for one size of page, and fails where pages are larger; 64 KiB suits every
# kernel that arm64 has.
case $triple in
aarch64-*) export JEMALLOC_SYS_WITH_LG_PAGE=16 ;;
esac

echo "==> building a static binary (profile $profile, $triple)"
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" \
    cargo build -p nuncio --profile "$profile" --target "$triple"
binary=$target/$triple/$profile/nuncio
if command -v ldd >/dev/null 2>&1 && ldd "$binary" 2>/dev/null | grep -q '=>'; then
    echo "the binary is not static; it needs: $(ldd "$binary" | tr -s '\n\t ' ' ')" >&2
    exit 1
fi

context=$target/image
rm -rf "$context"
mkdir -p "$context"
cp "$binary" deploy/image/Containerfile "$context"
cp "$authorities" "$context/ca-certificates.crt"

builder=
for candidate in docker podman buildah; do
    # docker's client is there on many machines whose daemon is not.
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" info >/dev/null 2>&1; then
        builder=$candidate
        break
    fi
done
if [ -z "$builder" ]; then
    scripts/ensure-commands.sh buildah
    builder=buildah
fi

echo "==> building the image $image with $builder"
case $builder in
buildah) buildah bud --isolation chroot -t "$image" -f "$context/Containerfile" "$context" ;;
*) "$builder" build -t "$image" -f "$context/Containerfile" "$context" ;;
esac
echo "==> built $image, $(wc -c <"$binary" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
