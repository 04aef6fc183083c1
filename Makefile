# The commands of this project. `make` alone lists them. They need Python (3.11 to 3.13), pip, make and a C compiler;
# everything else goes into a virtual environment of its own, through the pip settings of this machine.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2
ARGS   ?=

BIN    := $(VENV)/bin
PY     := $(BIN)/python
STAMPS := $(VENV)/.stamps
# pip asks nothing and prints nothing but errors
PIP    := $(PY) -m pip install -qq --no-input --disable-pip-version-check
EXTRAS := auth image audio video mesh arrow compression pandas bfloat16 pydantic graphql otel profile gpu sbom migrate

.DEFAULT_GOAL := help
.PHONY: help test demo lint format bench proto docs lock train clean distclean
.DELETE_ON_ERROR:

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

test: $(STAMPS)/dev ## lint, type check and run every test that this machine can run
	@$(MAKE) --no-print-directory lint
	$(PY) -m pytest -n $(JOBS) --dist loadfile $(ARGS)

demo: $(STAMPS)/demo ## shop the look: index a catalogue, search it with photos, open its page
	$(PY) -m examples.shop_the_look $(ARGS)

lint: $(STAMPS)/dev ## ruff, formatting, mypy and the layers of the package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMPS)/dev ## mend what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMPS)/dev ## start and stop time, memory, and rates next to a bare echo (ARGS=--quick for a short run)
	$(PY) -m benchmarks $(ARGS)

proto: $(STAMPS)/dev ## write the gRPC code again from headrace.proto
	$(PY) -m tools.proto

docs: $(STAMPS)/dev ## write docs/reference/ again from the code
	$(PY) -m tools.reference

lock: $(STAMPS)/venv ## choose and pin new versions in requirements/
	$(PIP) uv
	$(BIN)/uv pip compile $(UV_ARGS) pyproject.toml requirements/dev.in \
	    $(addprefix --extra ,$(EXTRAS)) --upgrade --output-file requirements/dev.txt
	$(BIN)/uv pip compile $(UV_ARGS) pyproject.toml requirements/demo.in \
	    --extra image --constraint requirements/dev.txt --output-file requirements/demo.txt
	$(BIN)/uv pip compile $(UV_ARGS) requirements/servers.in --upgrade --output-file requirements/servers.txt
UV_ARGS := --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command "make lock"

train: $(STAMPS)/train ## train the network of shop the look again (installs PyTorch; takes minutes)
	$(PY) examples/shop_the_look/train.py $(ARGS)

clean: ## remove caches and what builds and the demo left behind
	rm -rf build dist var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find src tests examples benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and remove the virtual environment
	rm -rf $(VENV)

# --- the virtual environment; a stamp says what has been installed, so that a second call has nothing to do ---

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Headrace needs Python 3.11 or newer, and $(PYTHON) is older or missing: make PYTHON=python3.12 ..." >&2; exit 1; }
	@# Debian's Python has no ensurepip without the package python3-venv: then the pip that is there fills the venv
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) 2>/dev/null || \
	    { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(PY) install -qq pip; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo: requirements/demo.txt pyproject.toml | $(STAMPS)/venv
	@echo "Installing the demo into $(VENV) ..."
	@$(PIP) -r requirements/demo.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/dev: requirements/dev.txt pyproject.toml | $(STAMPS)/venv
	@echo "Installing the development requirements into $(VENV) ..."
	@$(PIP) -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/train: requirements/train.txt $(STAMPS)/dev
	@echo "Installing PyTorch into $(VENV) ..."
	@$(PIP) -r requirements/train.txt
	@touch $@
