# What a person types. Each target is a few words here; the work is in scripts/.

.DEFAULT_GOAL := help
.PHONY: help demo test e2e bench bench-peers bench-converge bench-scrape bench-share bench-tls fuzz image fmt lint

# rustup installs cargo here and leaves PATH to the next login.
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

demo: ## run the gateway and a built-in httpbin on localhost:8080, without a cluster
	@scripts/ensure-build.sh
	@scripts/build.sh quick
	@exec "$$(scripts/build.sh --where quick)" demo

test: ## run the unit, property, documentation and system tests, and check the manifests
	@scripts/ensure-build.sh
	@scripts/run-tests.sh
	@scripts/check-manifests

e2e: ## run the gateway beside real programs: curl, openssl, nginx, h2load, wrk, Prometheus
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh prometheus promtool wrk h2load curl openssl nginx jq python3
	@scripts/build.sh quick
	@python3 -B tests/e2e/run.py --binary "$$(scripts/build.sh --where quick)"
	@benches/converge/run.sh "$$(scripts/build.sh --where quick)" --smoke

bench: ## measure the pure crates with criterion, then the gateway beside its peers
	@scripts/ensure-build.sh
	cargo bench -p nuncio-benches
	@$(MAKE) --no-print-directory bench-peers

bench-peers: ## measure CPU time per request beside nginx, HAProxy and Envoy
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh nginx haproxy wrk taskset python3
	@scripts/build.sh release
	@benches/peers/run.sh "$$(scripts/build.sh --where release)"

bench-converge: ## measure how soon a change is live at 1,000 to 50,000 Services; ARGS="--services 1000"
	@scripts/ensure-build.sh
	@scripts/build.sh release
	@benches/converge/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

bench-scrape: ## measure what a scrape costs beside Envoy's, and what it does to requests
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh nginx wrk taskset python3
	@scripts/build.sh release
	@benches/scrape/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

bench-share: ## measure what telemetry costs a request, against a build without; ARGS=--instructions
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh nginx wrk taskset python3 $(if $(findstring --instructions,$(ARGS)),valgrind)
	@scripts/build.sh release
	cargo build -p nuncio --release --features uncounted --target-dir target/uncounted
	@benches/scrape/share.sh "$$(scripts/build.sh --where release)" target/uncounted/release/nuncio $(ARGS)

bench-tls: ## measure TLS, rotation and TCPMappings beside peers; ARGS="--scenarios rotation"
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh nginx haproxy wrk h2load taskset python3
	@scripts/build.sh release
	@benches/tls/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

fuzz: ## fuzz each target for SECONDS (60), or TARGETS only; needs a nightly toolchain
	@scripts/ensure-build.sh
	@scripts/fuzz.sh $(or $(SECONDS),60) $(TARGETS)

image: ## build the container image with docker, podman or buildah
	@scripts/ensure-build.sh
	@scripts/build-image.sh

fmt: ## format the Rust code
	cargo fmt --all

lint: ## check formatting, clippy, dependencies (cargo-deny) and shell scripts
	@scripts/ensure-build.sh
	@scripts/lint.sh
