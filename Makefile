# Regie: `make demo` shows the whole loop, `make test` proves it. Both need only Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup ui ui-dev types demo test fast lint format story chaos bench bench-tracking pictures clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ui ## make .venv with everything that development needs, and the control room in it
	@$(BIN)/python -m compileall -q src tests # where PYTHONDONTWRITEBYTECODE is set, each process would compile all of it again

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed, {PYTHON} is {v.major}.{v.minor}: make PYTHON=python3.12".replace("{PYTHON}", "$(PYTHON)"))'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP)

ui: $(STAMP) ## build the control room where its sources have changed; REGIE_UI=0 leaves it out
	@$(BIN)/python ui/build.py

ui-dev: $(STAMP) ## the control room with hot reload, beside a server that runs: REGIE_SERVER=http://127.0.0.1:8700
	@$(BIN)/python ui/build.py npx vite $(ARGS)

types: $(STAMP) ## what the control room knows of the server: ui/openapi.json and its types
	@$(BIN)/python -m tests.support.openapi

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

pictures: setup ## play the demo, and take the pictures of the README from its control room
	$(BIN)/python -m tests.support.pictures

clean: ## remove what was made here
	rm -rf $(VENV) .regie benchmarks/.peers src/regie/_ui src/regie/_ui.new ui/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
