#!/bin/sh
# Builds the container image `nuncio:latest` (or $IMAGE) around a statically linked binary, with
# whichever of docker, podman and buildah is there and works; prints its size, its digest, and how soon
# the gateway in it is ready. The same commit gives the same digest with the same tools.
#
# PROFILE chooses how the binary is built; BUILDER the program; AUTHORITIES a bundle of certificate
# authorities in the place of Mozilla's; SOURCE_URL says where the source is. BINARY is taken as it is,
# but for its symbols.
set -eu
cd "$(dirname "$0")/.."

image=${IMAGE:-nuncio:latest}
profile=${PROFILE:-release}
target=${CARGO_TARGET_DIR:-$PWD/target}
triple=$(cargo -vV | sed -n 's/^host: //p')
version=$(sed -n 's/^version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)
limit=20000000

# Outside of a checkout both have to be given.
NUNCIO_COMMIT=${NUNCIO_COMMIT:-$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export NUNCIO_COMMIT SOURCE_DATE_EPOCH
if [ -n "$(git status --porcelain --untracked-files=no 2>/dev/null)" ]; then
    echo "==> note: there are changes since commit $NUNCIO_COMMIT, which the image will say it is of"
fi

binary=${BINARY:-}
if [ -z "$binary" ]; then
    scripts/build.sh "$profile" --image
    binary=$(scripts/build.sh --where "$profile" --image)
fi
if command -v ldd >/dev/null 2>&1 && ldd "$binary" 2>/dev/null | grep -q '=>'; then
    echo "the binary is not static; it needs: $(ldd "$binary" | tr -s '\n\t ' ' ')" >&2
    exit 1
fi

context=$target/image
rm -rf "$context"
mkdir -p "$context"
if [ -n "${BINARY:-}" ]; then
    binary=$context/nuncio
    strip -o "$binary" "$BINARY"
fi
python=$(scripts/ensure-venv.sh image scripts/image/requirements.txt)
authorities=${AUTHORITIES:-}
if [ -z "$authorities" ]; then
    authorities=$("$python" -m certifi)
    AUTHORITIES_VERSION=$("$python" -c 'import certifi; print(certifi.__version__)')
    export AUTHORITIES_VERSION
fi
bill=$context/sbom.cdx.json
"$python" -B scripts/image/sbom.py "$triple" "$NUNCIO_COMMIT" >"$bill"
components=$("$python" -B scripts/image/validate.py "$bill")
"$python" -B scripts/image/rootfs.py "$context/rootfs.tar" "$binary" "$authorities" "$bill"
cp deploy/image/Containerfile "$context"

# docker's client is there on many machines whose daemon is not.
builder=${BUILDER:-}
for candidate in docker podman buildah; do
    if [ -z "$builder" ] && command -v "$candidate" >/dev/null 2>&1 && "$candidate" info >/dev/null 2>&1; then
        builder=$candidate
    fi
done
if [ -z "$builder" ]; then
    scripts/ensure-commands.sh buildah
    builder=buildah
fi

source_url=${SOURCE_URL:-$(sed -n 's/^repository *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)}
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
label() { printf '%s\n%s\n' --label "org.opencontainers.image.$1=$2"; }
labels=$(
    label title nuncio
    label description "Edge gateway for Kubernetes"
    label licenses Apache-2.0
    [ -z "$source_url" ] || label source "$source_url"
    label version "$version"
    label revision "$NUNCIO_COMMIT"
    label created "$created"
)

echo "==> building the image $image with $builder"
# One word a line.
IFS='
'
# shellcheck disable=SC2086 # a list
case $builder in
buildah) buildah bud --quiet --isolation chroot --timestamp "$SOURCE_DATE_EPOCH" $labels -t "$image" "$context" >"$context/id" ;;
podman) podman build --quiet --timestamp "$SOURCE_DATE_EPOCH" $labels -t "$image" "$context" >"$context/id" ;;
docker) docker build --quiet --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" $labels -t "$image" "$context" >"$context/id" ;;
*)
    echo "no way to build with $builder" >&2
    exit 1
    ;;
esac

bytes=$(wc -c <"$context/rootfs.tar")
megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }
echo "image     $image ($version, commit $NUNCIO_COMMIT, $triple)"
echo "digest    $(sed 's/^sha256://; s/^/sha256:/' "$context/id")"
echo "size      $(megabytes "$bytes") unpacked, $(megabytes "$(gzip -9 -c "$context/rootfs.tar" | wc -c)") to pull"
echo "contents  $components components: $bill"
echo "start     $("$python" -B scripts/image/ready.py "$binary")"
if [ "$profile" = release ] && [ "$bytes" -ge "$limit" ]; then
    echo "the image is larger than $(megabytes "$limit")" >&2
    exit 1
fi
