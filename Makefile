# Everything a user or CI runs. Each target does its own set-up and is fast the second time.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-full coverage lint format ui bench lock clean

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
INSTALLED := $(VENV)/installed-$(shell cksum requirements.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
MANIFEST := dbt_costs/target/manifest.json

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(INSTALLED) $(MANIFEST) ## install the locked packages and prepare dbt's manifest

$(INSTALLED): requirements.lock pyproject.toml
	@echo "Installing the locked packages into $(VENV) (about a minute, once) ..."
	@rm -f $(VENV)/installed-*
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null; then \
	  VIRTUAL_ENV=$(VENV) uv pip sync -q --require-hashes --compile-bytecode requirements.lock; \
	  VIRTUAL_ENV=$(VENV) uv pip install -q --no-deps --no-build-isolation -e .; \
	else \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock; \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

$(MANIFEST): $(INSTALLED) $(shell find dbt_costs -type f \( -name '*.sql' -o -name '*.yml' \) -not -path '*/target/*' 2>/dev/null)
	@$(BIN)/enrich prepare
	@touch $@

demo: setup ## seed a store, run 28 days end to end, print the receipts
	@$(BIN)/enrich demo

test: setup ## lint, types, import directions, dbt tests, pytest: about ten minutes
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n 2

test-full: setup ## everything in `test`, and what takes longer
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n 2 -m ''

coverage: setup ## list the lines that the default tests do not run
	@$(BIN)/python -m pytest -n 2 --cov=enrich_pipeline --cov-report=term-missing:skip-covered

lint: setup ## format, lint, types, import directions, SQL style
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt_costs --disable-progress-bar

format: setup ## format Python and SQL in place
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/sqlfluff fix dbt_costs --disable-progress-bar

ui: setup ## open the Dagster UI on this checkout
	@$(BIN)/enrich ui

bench: $(BENCH)/installed $(MANIFEST) ## run the side-by-side measurements
	@for file in benchmarks/bench_*.py; do $(BENCH)/bin/python $$file; done

$(BENCH)/installed: benchmarks/requirements.lock pyproject.toml
	@echo "Installing the benchmarks' packages into $(BENCH) ..."
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@if command -v uv >/dev/null; then \
	  VIRTUAL_ENV=$(BENCH) uv pip sync -q --require-hashes --compile-bytecode benchmarks/requirements.lock; \
	  VIRTUAL_ENV=$(BENCH) uv pip install -q --no-deps --no-build-isolation -e .; \
	else \
	  $(BENCH)/bin/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r benchmarks/requirements.lock; \
	  $(BENCH)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

lock: ## resolve requirements.lock anew (needs uv)
	uv pip compile -q --python-version 3.11 --only-binary :all: --generate-hashes --no-strip-extras \
	  --no-emit-index-url --no-header --no-annotate --extra test pyproject.toml -o requirements.lock
	uv pip compile -q --python-version 3.11 --only-binary :all: --generate-hashes --no-strip-extras \
	  --no-emit-index-url --no-header --no-annotate --extra test --extra bench -c requirements.lock pyproject.toml \
	  -o benchmarks/requirements.lock

clean: ## remove everything this project made in the checkout, its databases too
	rm -rf $(VENV) $(BENCH) .data dbt_costs/target dbt_costs/logs .pytest_cache .ruff_cache .hypothesis .schemathesis
