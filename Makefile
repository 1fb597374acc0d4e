# make setup | demo | test. Everything lives in .venv; nothing outside this folder is touched.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test check clean

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "mlci needs Python 3.10 or newer; name one with make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "== making .venv with mlci and everything the demo and the tests need (about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --progress-bar on --editable '.[dev]'
	@touch $(READY)

demo: $(READY)
	@examples/randhie/demo.sh $(CURDIR)/$(BIN)

test: $(READY) check
	@echo "== tests"
	@$(BIN)/python -m pytest -n auto

check: $(READY)
	@echo "== ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== mypy --strict"
	@$(BIN)/mypy

clean:
	rm -rf .venv .mlci .pytest_cache .mypy_cache .ruff_cache .hypothesis
