# Keepgate's entry points; each prepares what it needs (see .ci/setup).
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast lint bench bench-agent clean

UV := .keepgate/tools/bin/uv
RUN := $(UV) run --no-sync
# Hosts are booted by root; everything else runs as whoever calls make.
ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E)
# More workers than cores: lab tests mostly wait for hosts.
LAB_WORKERS ?= 6

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## prepare this machine (Debian packages, uv, locked environment)
	@.ci/setup lab

demo: setup ## a throwaway host, hardened, with an app behind login; attacked; proved
	@$(ROOT) $(RUN) keepgate demo $(ARGS)

test: setup lint ## everything: checks, unit tests, end to end on throwaway hosts
	$(RUN) pytest tests/unit tests/agent -n 2 --dist loadscope -q --timeout 300
	$(ROOT) $(RUN) pytest tests/lab -n $(LAB_WORKERS) --dist loadgroup \
	    --no-loadscope-reorder -v --timeout 600 \
	    --durations 20 --durations-min 10

test-fast: ## checks and unit tests; no hosts, no browser, no Caddy before the agent
	@.ci/setup fast
	@$(MAKE) --no-print-directory lint
	KEEPGATE_MAY_SKIP=1 $(RUN) pytest tests/unit tests/agent -n 2 --dist loadscope -q --timeout 300 \
	    --ignore tests/agent/browser --ignore tests/agent/caddy

lint: ## formatting, lint, strict types, import contracts
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports

bench: setup ## measure on a throwaway host; figures go to the terminal
	$(ROOT) $(RUN) python -m benchmarks $(ARGS)

bench-agent: ## measure the auth agent; the long runs with ARGS=--long
	@.ci/setup bench
	$(RUN) python -m benchmarks.agent $(ARGS)
	$(RUN) python -m benchmarks.agent_fuzz
	$(RUN) python -m benchmarks.agent_kills

clean: ## take down every throwaway host and remove caches
	@if [ -x $(UV) ]; then $(ROOT) $(RUN) keepgate lab down --all; fi
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
