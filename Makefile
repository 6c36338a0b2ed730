# Everything here also runs by hand; the long commands are in tools/.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
tool        := go tool -modfile=tools/go.mod

# How long all fuzz targets run together, in seconds; how often each benchmark runs.
FUZZTIME ?= 60
COUNT    ?= 6
BENCH    ?= .

# How long everything fails in failover.
MINUTES  ?= 10

# How often kills kills the program, on each engine.
KILLS    ?= 200

# How many turns each proxy of bench-peers has.
ROUNDS   ?= 5

# How large the ledgers of bench-index are, in entries.
ENTRIES  ?= 1000000 10000000 100000000

.PHONY: help run test check bench bench-ledger bench-peers bench-index e2e release empty-root failover kills vulns fuzz fmt promises curve

help: ## says what there is
	@sed -n 's/^\([a-z0-9-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

run: ## shows the whole product, with a simulated town inside
	go run ./cmd/poterne demo

test: ## runs every test with the race detector
	tools/test

check: ## what a change must pass: vet, staticcheck, format, tests, a minute of fuzzing
	go vet ./...
	$(tool) staticcheck ./...
	@unformatted=$$($(tool) gofumpt -l .); \
	if [[ -n $$unformatted ]]; then echo "make fmt would change:"; echo "$$unformatted"; exit 1; fi
	$(MAKE) test fuzz

empty-root: ## tries the README's commands where nothing is, with a clock; needs root
	tools/empty-root

release: ## makes the Debian packages, the container images, the lists of what is in them, and their digests, in artifacts/release; VERSION=1.0.0 for one, of which no hole is known, SIGN=a key of SSH to sign it
	$(if $(VERSION),tools/vulns)
	go -C tools run ./release --out ../artifacts/release $(if $(VERSION),--version $(VERSION)) $(if $(wildcard artifacts/test.commit),--results ../artifacts) $(if $(SIGN),--sign $(abspath $(SIGN)))

e2e: ## walks through the whole program in a browser; screenshots in artifacts/
	tools/test ./e2e/...

failover: ## lets everything fail for MINUTES, on three machines of docs/high-availability.md, and prints who was not served
	tools/prepare
	POTERNE_FAILOVER=$(MINUTES)m go test -count=1 -v -timeout $$(($(MINUTES) + 15))m -run WhateverFails ./e2e

kills: ## kills the program KILLS times under load, on SQLite and on PostgreSQL, and holds what was received against the ledger
	tools/prepare
	POTERNE_KILLS=$(KILLS) go test -count=1 -v -timeout $$(($(KILLS) / 4 + 15))m -run KilledUnderLoad ./e2e

vulns: ## looks for known holes that the program reaches; GOVULNDB=file:///folder for a copy of the database
	tools/vulns

fuzz: ## fuzzes every parser, FUZZTIME seconds in all
	tools/fuzz $(FUZZTIME)

bench: ## measures, COUNT times over; compare two results with benchstat
	@mkdir -p artifacts
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 60m ./... | tee artifacts/bench.txt
	$(tool) benchstat artifacts/bench.txt | tee artifacts/bench.summary.txt

bench-ledger: ## measures durable disclosures on both engines, beside a minimal program and one flush
	tools/prepare
	$(MAKE) bench BENCH='Ledger|Flush'

bench-peers: ## measures Poterne beside other proxies, under the same load by turns; a quarter of an hour on a quiet machine
	tools/prepare
	@mkdir -p artifacts/peers
	cd tools/peers && go build -o ../../artifacts/peers/ tool
	POTERNE_PEERS="$$PWD/artifacts/peers" \
		go test -run '^$$' -bench Peers -benchtime $(ROUNDS)x -timeout 2h ./e2e | tee artifacts/bench-peers.txt

bench-index: ## measures "exactly who" on 1, 10 and 100 million entries, beside PostgreSQL and DuckDB; needs 30 GB of disk
	tools/prepare
	@mkdir -p artifacts
	cd tools/duckdb && go build -o ../../artifacts/duckdb .
	POTERNE_ENTRIES="$(ENTRIES)" POTERNE_DUCKDB="$$PWD/artifacts/duckdb" \
		go test -run '^$$' -bench ExactlyWho -benchtime 1x -timeout 6h ./internal/ledger/index | tee artifacts/bench-index.txt

curve: ## replays the curve that the desk shows, with the rules as they are
	@{ printf '{"made": "%s", "report": ' "$$(date -u +%FT%TZ)"; \
	go run ./cmd/poterne replay --scenario attacks --agents 200 --days 28 --seeds 3 --curve --json; echo '}'; } > internal/portal/rooms/desk/curve.json.new
	@mv internal/portal/rooms/desk/curve.json.new internal/portal/rooms/desk/curve.json

promises: ## lists what Poterne promises, and how the last tools/test found it
	go -C tools run ./promises $(addprefix --results ../,$(wildcard artifacts/test.json))

fmt: ## formats the code
	$(tool) gofumpt -w .
