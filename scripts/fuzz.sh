#!/bin/sh
# Runs a fuzz target, or all of them one after the other: scripts/fuzz.sh SECONDS [TARGET]...
#
# Needs a nightly toolchain. The flags are cargo-fuzz's, which need not be installed. What is found
# new goes to fuzz/found/TARGET; with MINIMISE=1 it is merged into the committed corpus instead.
set -eu

cd "$(dirname "$0")/../fuzz"
seconds=$1
shift
[ $# -gt 0 ] || set -- parse_annotation compile find normalise_path proxy_header http2_frames \
    request_head chunked_body response_head

host=$(rustc +nightly -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-pc-table"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-trace-compares"
checks="--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Clink-dead-code -Zsanitizer=address"
RUSTFLAGS="$coverage $checks" cargo +nightly build --release --target "$host"
binaries="${CARGO_TARGET_DIR:-target}/$host/release"

for target in "$@"; do
    mkdir -p "found/$target" "artifacts/$target"
    if [ "${MINIMISE:-}" = 1 ]; then
        "$binaries/$target" -merge=1 "corpus/$target" "found/$target"
        continue
    fi
    "$binaries/$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target/" "found/$target" "corpus/$target"
done
