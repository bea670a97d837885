# Everything here sets itself up: a machine with Python 3.11 or newer and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# In a container the only user is often root. The embedded PostgreSQL refuses that unless told, and then runs as `nobody`.
export UNBROKEN_ALLOW_ROOT ?= 1
# Containers often forbid Python to keep what it compiled: each of the tests' hundreds of processes would compile the package.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-long check format bench torture attacks vectors clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "unbroken needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

demo: $(READY) ## a clinic agent records, is read, verified, tampered with and found out
	$(BIN)/unbroken demo

test: $(READY) ## all tests that finish within minutes, on every core
	PYTHONHASHSEED=0 $(BIN)/pytest -m 'not long' -n auto --dist loadscope

test-long: $(READY) ## the tests that take long
	$(BIN)/pytest -m long --timeout 3600

check: $(READY) ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -p no:randomly tests/unit/test_layers.py

format: $(READY) ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## the figures that README and docs quote
	$(BIN)/python bench/run.py
	$(BIN)/python bench/redaction.py
	$(BIN)/python bench/vault.py
	$(BIN)/python bench/opening.py
	$(BIN)/python bench/tree.py
	$(BIN)/python bench/proofs.py
	$(BIN)/python bench/disposal.py

attacks: $(READY) ## every attack on every server, and the tables in docs/attacks.md
	$(BIN)/python -m tests.attacks

torture: $(READY) ## every fault many times, and the table in docs/faults.md
	$(BIN)/python -m tests.faults --write docs/faults.md

vectors: $(READY) ## write the vectors in spec/ anew
	$(BIN)/python spec/make_vectors.py
	$(BIN)/python spec/make_tree_vectors.py
	$(BIN)/python spec/make_bundle_vectors.py
	$(BIN)/python spec/make_sums.py

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build
