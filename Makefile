# Regie: `make demo` shows the whole loop, `make test` proves it. Both need only Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test fast lint format story chaos bench bench-tracking clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## make .venv with everything that development needs

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed, {PYTHON} is {v.major}.{v.minor}: make PYTHON=python3.12".replace("{PYTHON}", "$(PYTHON)"))'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP)

demo: setup ## play the whole loop on a year of flights; KEEP=1 leaves it running
	$(BIN)/regie demo $(if $(KEEP),--keep)

test: lint ## lint, types, import contracts and all tests, on SQLite and PostgreSQL
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

fast: setup ## unit tests only
	$(BIN)/python -m pytest -n $(WORKERS) tests/unit

story: setup ## whole scenarios only
	$(BIN)/python -m pytest tests/stories

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into its one form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: setup ## kill -9 at least 200 processes under load, on SQLite and PostgreSQL; KILLS=500 for more
	REGIE_CHAOS_KILLS=$(or $(KILLS),200) $(BIN)/python -m pytest tests/chaos -s -m 'chaos or not chaos'

bench: setup ## benchmarks into docs/benchmarks.md; PEERS=1 installs the peers beside us first
	PEERS=$(PEERS) $(BIN)/python -m benchmarks $(PARTS)

bench-tracking: setup ## the tracking server beside a stock MLflow, into docs/benchmarks.md; PEERS=1 installs MLflow first, QUICK=1 only tries it out
	PEERS=$(PEERS) $(BIN)/python -m benchmarks.tracking $(if $(QUICK),--quick,--page) $(PARTS)

clean: ## remove what was made here
	rm -rf $(VENV) .regie benchmarks/.peers .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
