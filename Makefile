# Course backfill: everything a person or CI runs. `make` alone lists it.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The first Python that is new enough; name another one with `make PYTHON=/path/to/python`.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$python >/dev/null 2>&1 \
	&& $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)

# Four at a time, file by file: enough to keep two cores busy while tests wait for processes that
# they killed. The order is that of tests/conftest.py, what waits before what computes.
PYTEST := $(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

# Tests start a hundred processes, which would each compile all they import.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install lock audit licences package synth demo serve bench test test-fast test-domain \
	test-services test-contracts test-features test-infra lint format types check clean

help: ## List what make can do
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try it
install: $(STAMP) ## Install everything into .venv
demo: install ## Backfill a sample of courses, from start to end, in under two minutes
	@$(BIN)/course-backfill demo
serve: install ## Run API and workers on this machine until Ctrl-C
	@$(BIN)/course-backfill serve
bench: install ## Measure throughput and memory beside the bounds of this machine
	@$(BIN)/python -m benchmarks

##@ Test it
test: install ## Run every tier of the tests
	$(PYTEST)
test-fast: install ## Run the tiers that need no server: domain and services
	$(PYTEST) tests/domain tests/services
test-domain test-services test-contracts test-features test-infra: test-%: install
	$(PYTEST) tests/$*
test-domain: ## Run the rules alone
test-services: ## Run each service on memory adapters
test-contracts: ## Run the same cases on memory, MongoDB and the embedded AWS
test-features: ## Run the whole pipeline
test-infra: ## Run what holds the deployment: templates, rights, the package

##@ Change it
lint: install ## Check style, format and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
format: install ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
types: install ## Check types
	$(BIN)/mypy
lock: install ## Choose the versions of everything that is installed here and on Lambda
	$(COMPILE) --extra dev --output-file requirements/dev.txt
	$(COMPILE) --constraint requirements/dev.txt --output-file requirements/lambda.txt
audit: install ## Look for known vulnerabilities of everything locked
	@$(BIN)/python -m requirements.audit $(ARGS)
licences: install ## Write docs/licences.md
	@$(BIN)/python -m requirements.licences
check: lint types audit synth test ## Everything CI runs
clean: ## Remove what was installed and what was stored on this machine
	rm -rf $(VENV) .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build cdk.out ./*.egg-info

##@ Deploy it
package: install ## Build what AWS Lambda runs, and say how large it is
	@$(BIN)/python -m infra.packaging
synth: install ## Write the CloudFormation templates of every stage to cdk.out
	@$(BIN)/python -m infra.app

# Universal: the same files serve every Python and platform. `make lock ARGS=--upgrade` takes the newest releases.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make lock' $(ARGS) pyproject.toml

$(STAMP): pyproject.toml requirements/dev.txt
	@test -n "$(PYTHON)" || { \
		echo "Python 3.11 or newer is needed, and none was found on the PATH." >&2; \
		echo "Install one (Debian: apt-get install python3.11 python3.11-venv), or name it:" >&2; \
		echo "  make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: on Debian and Ubuntu that is" >&2; \
		echo "the package python3-venv (apt-get install python3-venv)." >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
		--only-binary :all: --requirement requirements/dev.txt # Compiled when imported: most never is.
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable . # Setuptools warns of every editable installation.
	@touch $@
