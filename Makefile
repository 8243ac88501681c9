# Everything the project needs is made by these targets on Debian or Ubuntu with Python 3.11+ and make.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DJANGO_SETTINGS_MODULE := tundra_site.settings

.PHONY: help run demo test coverage lint lint-types lint-rest format lock audit bench install image-steps clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.runtime: requirements.txt
	@test -x $(BIN)/python || deploy/make-venv $(PYTHON) $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.demo: $(VENV)/.runtime requirements-demo.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-demo.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

install: $(VENV)/.runtime ## Make .venv with the locked requirements

run: $(VENV)/.runtime ## Run the portal in the foreground: web and workers (PORT, TUNDRA_DATA_DIR)
	@exec $(BIN)/python manage.py serve

demo: $(VENV)/.demo ## Convert a real CSV and a real Excel file through the API, show the results, stop
	@exec $(BIN)/python -m tests.demo

test: $(VENV)/.dev ## Test everything; installs what the tests need where it may
	@deploy/install-test-tools
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory image-steps
	$(BIN)/pytest --numprocesses 3 --dist loadscope --no-loadscope-reorder

coverage: $(VENV)/.dev ## Tell which lines the tests reach (slower than the tests alone)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet && $(BIN)/coverage report

lint: $(VENV)/.dev ## Check style, types, the arrows between packages, migrations and production settings
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint-types lint-rest

lint-types:
	$(BIN)/mypy .

lint-rest:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --severity-level medium --recursive .
	$(BIN)/python manage.py makemigrations --check --dry-run
	@ENV=production SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
	  ALLOWED_HOSTS=tundra.example.com TUNDRA_DATA_DIR=$$(mktemp -d) \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

image-steps: $(VENV)/.runtime ## Run the steps that the Dockerfile runs
	@$(BIN)/python deploy/check_dockerfile.py

lock: ## Resolve the requirements again, pinned and hashed
	$(PYTHON) -m venv var/lock && var/lock/bin/pip install --quiet uv
	for name in requirements requirements-demo requirements-dev; do \
	  var/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-package pandas --upgrade $$name.in -o $$name.txt; done

audit: $(VENV)/.dev ## Look for known vulnerabilities in the locked requirements
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.txt

bench: $(VENV)/.dev ## Measure against the peers, side by side in one run
	$(BIN)/python -m benchmarks

clean: ## Remove the virtual environment and all state
	rm -rf $(VENV) var
