# `make` lists the targets. `make test` is what CI runs, stage by stage.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# Stages are told apart by their order, and two cores are busy with one.
.NOTPARALLEL:

GO      ?= go
SEEDS   ?= 2000
MINUTES ?= 30
SEED    ?= 1
NODES   ?= 0
TIMEOUT ?= 15m
BENCH   ?= .
BENCHFLAGS ?=
RUNFLAGS ?=
COUNT   ?= 1

# The go command's ./... does not look into folders with a dot.
CI_PACKAGES := ./.ci/ladder ./.ci/mutate
STATICCHECK  = $(GO) tool -modfile=.ci/tools/go.mod staticcheck

stage = @printf '\n=== %s\n' "$(1)"
# packages_with EXPRESSION: folders with a test file in which a line matches.
packages_with = $$({ grep -rlE --include='*_test.go' --exclude-dir=bench --exclude-dir='.?*' '$(1)' . || true; } | xargs -r -n1 dirname | sort -u)

.PHONY: help run run-redis cluster-demo pipeline test check race conformance sim chaos mutants mutants-part golden bench bench-orders bench-strategies bench-redis bench-cluster bench-pieces bench-once \
	proto proto-check ladder lint fmt setup

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Run the main example: a trading desk on sample orders, Go only
	@$(GO) run ./examples/trading_orderbook

run-redis: ## The same on a private redis-server that ends with it (RUNFLAGS="--stress"); installs it if missing
	@.ci/setup redis-server
	@.ci/with-redis $(GO) run ./examples/trading_orderbook --redis {} $(RUNFLAGS)

cluster-demo: ## Three nodes on a private redis-server trade; one is killed, one joins, one leaves (DEMOFLAGS="--orders 50000")
	@.ci/setup redis-server
	@mkdir -p bin && $(GO) build -o bin/trading_orderbook ./examples/trading_orderbook
	@.ci/with-redis bin/trading_orderbook demo --redis {} $(DEMOFLAGS)

pipeline: ## Run the notification pipeline on sample requests, Go only
	@$(GO) run ./examples/notification_pipeline

# Cheap stages first; the whole suite last, so that its lines end the output. The conformance suites are in it.
test: setup lint ladder proto-check bench-once sim mutants-part race ## All tests; installs what they need

check: test ## What CI runs: the same as test

# What takes longest begins first.
race: ## Unit tests and all others once, race detector on, order shuffled (TIMEOUT=15m)
	$(call stage,race: every test with the race detector)
	$(GO) test -race -shuffle=on -timeout $(TIMEOUT) ./spine/redisstream/... ./... $(CI_PACKAGES)

conformance: ## Backend and store suites against every implementation: all tests named *Conformance*
	$(call stage,conformance)
	@found="$(call packages_with,^func Test[A-Za-z]*Conformance)"; \
	if [ -z "$$found" ]; then echo "no test is named *Conformance*" >&2; exit 1; fi; \
	$(GO) test -count=1 -timeout $(TIMEOUT) -run Conformance $$found

sim: ## Seeded simulations of Spine, Redis backend and cluster with faults (SEEDS=2000, of Redis three times as many); the engine beside its reference
	$(call stage,sim: $(SEEDS) seeds)
	$(GO) test ./spine -count=1 -timeout 4h -run Simulation -sim.seeds=$(SEEDS)
	$(GO) test ./spine/redisstream -count=1 -timeout 4h -run RedisSimulation -redis.seeds=$$((3 * $(SEEDS)))
	$(GO) test ./cluster -count=1 -run Simulated
	$(GO) test ./examples/trading_orderbook/matching -count=1

chaos: ## Real processes and a real redis-server, killed and cut off at random (MINUTES=30, SEED=1, NODES=5 of a cluster)
	$(call stage,chaos: $(MINUTES) minutes)
	@mkdir -p bin
	$(GO) test ./spine/redisstream/chaos -count=1 -timeout 0 -run Long -v -chaos.minutes=$(MINUTES) -chaos.seed=$(SEED) -chaos.nodes=$(NODES) \
		-chaos.report=$(CURDIR)/bin/chaos.txt -chaos.evidence=$(CURDIR)/bin/chaos

mutants: ## Deliberate mistakes (testdata/mutants/*.mutant), each of which a test must catch
	$(call stage,mutants)
	$(GO) run ./.ci/mutate

# All of them take ten minutes and more.
mutants-part: ## A twentieth of the mutants, another one with each commit; any that is stale
	$(call stage,mutants: a twentieth)
	$(GO) run ./.ci/mutate -part $$(( $$(git rev-list --count HEAD 2>/dev/null || echo 0) % 20 + 1 ))/20

golden: ## Rewrite golden files; review the diff
	$(call stage,golden)
	@found="$(call packages_with,flag[.]Bool.*"update")"; \
	if [ -z "$$found" ]; then echo "no test has an -update flag" >&2; exit 1; fi; \
	$(GO) test -count=1 $$found -update

bench: ## Compare with peers, see how costs grow; writes bench/RESULTS.md (BENCHFLAGS="--only chain")
	$(call stage,bench)
	@cd bench && $(GO) run . $(BENCHFLAGS)

bench-orders: ## Load test of the trading desk; writes bench/ORDERS.md (BENCHFLAGS="--only books")
	$(call stage,bench-orders)
	@cd bench && $(GO) run . orders $(BENCHFLAGS)

bench-strategies: ## LOG, STORE and NACK under faults; writes bench/STRATEGIES.md
	$(call stage,bench-strategies)
	@cd bench && $(GO) run . strategies $(BENCHFLAGS)

bench-redis: ## The chain on Redis, beside the least possible and peers; writes bench/REDIS.md (BENCHFLAGS="--only steady")
	@.ci/setup redis-server
	$(call stage,bench-redis)
	@cd bench && $(GO) run . redis $(BENCHFLAGS)

bench-cluster: ## 1, 2 and 4 node processes on one Redis; writes bench/CLUSTER.md and the figures of cluster/SCALE.md (BENCHFLAGS="--only takeover")
	@.ci/setup redis-server
	$(call stage,bench-cluster)
	@cd bench && $(GO) run . cluster $(BENCHFLAGS)

bench-pieces: ## Go benchmarks, one line per result (BENCH=expression, COUNT=10 for benchstat)
	$(call stage,bench-pieces)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 4h ./...
	@cd bench && $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 4h ./...

bench-once: ## Run every benchmark once, and the bench program's tests, which run each of its parts quickly, so that none rots
	$(call stage,bench-once)
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout $(TIMEOUT) ./...
	@cd bench && $(GO) vet ./... && $(GO) test -bench . -benchtime 1x -timeout $(TIMEOUT) ./...

proto: ## Regenerate proto/wirepb from proto/*.proto
	@.ci/setup protoc
	GO=$(GO) .ci/proto

proto-check: ## Fail when the committed proto/wirepb is stale
	$(call stage,proto-check)
	@.ci/setup protoc
	GO=$(GO) .ci/proto --check

ladder: ## Show which package imports which, fail on an upward edge
	$(call stage,ladder)
	$(GO) run ./.ci/ladder

lint: ## gofmt, go vet and staticcheck; changes nothing
	$(call stage,lint: gofmt)
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then printf 'not formatted, run make fmt:\n%s\n' "$$unformatted" >&2; exit 1; fi
	$(call stage,lint: vet)
	$(GO) vet ./... $(CI_PACKAGES)
	$(call stage,lint: staticcheck)
	$(STATICCHECK) ./... $(CI_PACKAGES)

fmt: ## Format all Go code
	gofmt -w .

setup: ## Install what tests and generators need beside Go, where missing
	$(call stage,setup)
	@.ci/setup
