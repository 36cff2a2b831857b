#!/bin/sh
# Formatting, clippy, dependencies and shell scripts. What is not installed is named and left out;
# where CI is set, nothing may be left out but the advisories, which need their database's host.
set -eu
cd "$(dirname "$0")/.."

echo "==> cargo fmt --all --check"
cargo fmt --all --check

echo "==> cargo clippy --workspace --all-targets"
cargo clippy --workspace --all-targets --quiet -- -D warnings

if [ -n "${CI:-}" ] && ! cargo deny --version >/dev/null 2>&1; then
    echo "==> installing cargo-deny"
    cargo install cargo-deny --locked --quiet
fi
if cargo deny --version >/dev/null 2>&1; then
    echo "==> cargo deny check"
    cargo deny --log-level error check --hide-inclusion-graph bans licenses sources
    if timeout 60 cargo deny --log-level error fetch db 2>/dev/null; then
        cargo deny --log-level error check advisories
    else
        echo "    advisories not checked: their database cannot be fetched from here"
    fi
else
    echo "==> cargo deny left out; to install it: cargo install cargo-deny --locked"
fi

if [ -n "${CI:-}" ]; then
    scripts/ensure-commands.sh shellcheck
fi
if command -v shellcheck >/dev/null 2>&1; then
    echo "==> shellcheck"
    # Every tracked or new file that starts as a shell script.
    git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
        if [ -f "$file" ] && head -n 1 "$file" | grep -qE '^#!.*[/ ](ba)?sh$'; then
            printf '%s\0' "$file"
        fi
    done | xargs -0 shellcheck
else
    echo "==> shellcheck left out; it is not installed"
fi
