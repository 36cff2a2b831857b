#!/bin/sh
# Formatting, clippy, dependencies and shell scripts; all of them, whichever fail. What is not
# installed is named and left out; where CI is set, it is installed. The advisories alone may be
# left out there, where the host of their database is out of reach.
set -eu
cd "$(dirname "$0")/.."

failed=
check() {
    echo "==> $*"
    "$@" || failed="$failed; $*"
}

shell_scripts() {
    # Tracked or new files that begin as shell scripts.
    git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
        if [ -f "$file" ] && head -n 1 "$file" | grep -qE '^#!.*[/ ](ba)?sh$'; then
            echo "$file"
        fi
    done
}

check cargo fmt --all --check
check cargo clippy --workspace --all-targets --quiet -- -D warnings

if [ -n "${CI:-}" ]; then
    scripts/ensure-commands.sh shellcheck
    if ! cargo deny --version >/dev/null 2>&1; then
        echo "==> installing cargo-deny"
        # Built without optimisation: it runs for seconds.
        cargo install cargo-deny --locked --quiet --debug
    fi
fi

if cargo deny --version >/dev/null 2>&1; then
    check cargo deny --log-level error check --hide-inclusion-graph bans licenses sources
    if timeout 60 cargo deny --log-level error fetch db 2>/dev/null; then
        check cargo deny --log-level error check advisories
    else
        echo "==> advisories left out: their database cannot be fetched from here"
    fi
else
    echo "==> cargo deny left out; to install it: cargo install cargo-deny --locked"
fi

if command -v shellcheck >/dev/null 2>&1; then
    # shellcheck disable=SC2046 # a list of words: none of our paths holds a space
    check shellcheck $(shell_scripts)
else
    echo "==> shellcheck left out; it is not installed"
fi

if [ -n "$failed" ]; then
    echo "lint failed: ${failed#; }" >&2
    exit 1
fi
