# What a person types. Each target is a few words here; the work is in scripts/.

.DEFAULT_GOAL := help
.PHONY: help demo test e2e bench bench-peers bench-converge bench-edge bench-instructions bench-restarts bench-scrape bench-share bench-soak bench-tails bench-tls docs fuzz image fmt lint

# rustup installs cargo here and leaves PATH to the next login.
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "  make %-18s %s\n", $$1, $$2 }'

demo: ## run the gateway and a built-in httpbin on localhost:8080, without a cluster
	@scripts/ensure-build.sh
	@scripts/build.sh quick
	@exec "$$(scripts/build.sh --where quick)" demo

test: ## run the unit, property, documentation and system tests, and check the manifests
	@scripts/ensure-build.sh
	@scripts/run-tests.sh
	@scripts/check-manifests
	@scripts/check-docs

e2e: ## run the gateway beside real programs: curl, openssl, nginx, h2load, wrk, Prometheus
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh prometheus promtool wrk h2load curl openssl nginx jq python3 valgrind
	@! command -v apt-get >/dev/null || scripts/ensure-commands.sh pebble
	@scripts/build.sh quick
	@! command -v apt-get >/dev/null || scripts/ensure-commands.sh buildah
	@tests/e2e/run.sh "$$(scripts/build.sh --where quick)"
	@tests/edge/run.sh "$$(scripts/build.sh --where quick)" --brief --proxy nuncio --proxy nuncio-hardened
	@benches/converge/run.sh "$$(scripts/build.sh --where quick)" --smoke
	@benches/restarts/run.sh "$$(scripts/build.sh --where quick)" --restarts 3
	@benches/instructions/run.sh

bench: ## measure the pure crates with criterion, then the gateway beside its peers
	@scripts/ensure-build.sh
	cargo bench -p nuncio-benches
	@$(MAKE) --no-print-directory bench-peers

bench-peers: ## measure CPU time per request and memory beside nginx, HAProxy and Envoy; ARGS="--scenarios h1,tls"
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh nginx haproxy wrk h2load taskset python3
	@scripts/build.sh release
	@benches/peers/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

bench-converge: ## measure how soon a change is live at 1,000 to 50,000 Services; ARGS="--services 1000"
	@scripts/ensure-build.sh
	@scripts/build.sh release
	@benches/converge/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

bench-edge: ## count hostile exchanges that go well beside nginx, HAProxy and Envoy; ARGS="--filter paths"
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh nginx haproxy python3
	@scripts/build.sh quick
	@tests/edge/run.sh "$$(scripts/build.sh --where quick)" $(ARGS)

bench-instructions: ## count instructions with valgrind; fails 5 % above benches/instructions/references
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh valgrind
	@benches/instructions/run.sh

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

bench-tls: ## measure handshakes, rotation and TCPMappings beside peers; ARGS="--scenarios rotation"
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh nginx haproxy wrk h2load taskset python3
	@scripts/build.sh release
	@benches/tls/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

bench-restarts: ## count what fails in 100 rolling restarts at 2,000 requests a second; ARGS="--restarts 3"
	@scripts/ensure-build.sh
	@scripts/build.sh release
	@benches/restarts/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

bench-soak: ## serve for 600 s beside broken load, churn, rotation and deaths; ARGS="--seconds 60"
	@scripts/ensure-build.sh
	@scripts/build.sh release
	@benches/soak/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

bench-tails: ## measure p99.9 in quiet windows and beside changes, scrapes and DNS; ARGS="--rounds 2"
	@scripts/ensure-build.sh
	@scripts/ensure-commands.sh taskset python3
	@scripts/build.sh release
	@benches/tails/run.sh "$$(scripts/build.sh --where release)" $(ARGS)

docs: ## build the pages of docs/ as one site, target/book/index.html
	@scripts/build-docs.sh

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
