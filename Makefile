# Everything here also runs by hand; the long commands are in tools/.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
tool        := go tool -modfile=tools/go.mod

# How long all fuzz targets run together, in seconds; how often each benchmark runs.
FUZZTIME ?= 60
COUNT    ?= 6
BENCH    ?= .

.PHONY: help run test check bench bench-ledger e2e fuzz fmt promises

help: ## says what there is
	@sed -n 's/^\([a-z0-9-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

run: ## shows the whole product, with a simulated town inside
	go run ./cmd/poterne demo

test: ## runs every test with the race detector
	tools/prepare
	tools/test ./...

check: ## what a change must pass: vet, staticcheck, format, tests, a minute of fuzzing
	go vet ./...
	$(tool) staticcheck ./...
	@unformatted=$$($(tool) gofumpt -l .); \
	if [[ -n $$unformatted ]]; then echo "make fmt would change:"; echo "$$unformatted"; exit 1; fi
	$(MAKE) test fuzz

e2e: ## walks through the whole program in a browser; screenshots in artifacts/
	tools/prepare
	tools/test ./e2e/...

fuzz: ## fuzzes every parser, FUZZTIME seconds in all
	tools/fuzz $(FUZZTIME)

bench: ## measures, COUNT times over; compare two results with benchstat
	@mkdir -p artifacts
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 60m ./... | tee artifacts/bench.txt
	$(tool) benchstat artifacts/bench.txt | tee artifacts/bench.summary.txt

bench-ledger: ## measures durable disclosures on both engines, beside a minimal program and one flush
	tools/prepare
	$(MAKE) bench BENCH='Ledger|Flush'

promises: ## lists what Poterne promises, and how the last make test found it
	go run ./cmd/poterne promises --results artifacts/test.json

fmt: ## formats the code
	$(tool) gofumpt -w .
