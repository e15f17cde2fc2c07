# `make` lists the targets. Everything is installed into .venv, and nowhere else.

DEMO_ORDERS ?= 5000
PYTEST_ARGS ?=
# The first supported Python on the PATH. Set PYTHON=... to use another one.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo "$$python" && break; done)

export DEMO_ORDERS

.DEFAULT_GOAL := help
.PHONY: help demo test check check-quick lint format docs reference prefect-tables bench bench-quick clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

# The development installation includes everything that the demo needs.
demo: $(or $(wildcard .venv/installed-dev),.venv/installed-demo) ## Copy real orders on SQLite; DEMO_ORDERS=5000
	@.venv/bin/python -m order_factory.cli.main demo

test: check ## The same as check

check: lint ## Lint, then test on SQLite and PostgreSQL, as CI does; PYTEST_ARGS=...
	.venv/bin/python -m pytest $(PYTEST_ARGS)

check-quick: lint ## Lint, then the fast tests on SQLite alone
	.venv/bin/python -m pytest -m 'not slow and not postgres' $(PYTEST_ARGS)

lint: .venv/installed-dev ## Check the style, the formatting, the types and the layers
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/lint-imports --no-logo
	@echo .venv/bin/vulture; ! .venv/bin/vulture | grep -v ': unused variable'

format: .venv/installed-dev ## Format the code and fix what ruff can fix
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

reference: .venv/installed-dev ## Write the reference pages of docs/ from the code
	.venv/bin/python -m docs.reference_pages

prefect-tables: .venv/installed-dev ## Write cli/prefect_tables.sql from the installed Prefect
	.venv/bin/python -m tests.support.prefect_tables

docs: .venv/installed-dev ## Build the documentation into site/; a dead link is an error
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

bench: .venv/installed-dev ## Compare the speed of copying with hand-written SQL
	.venv/bin/python -m benchmarks.run

bench-quick: .venv/installed-dev ## The same with few orders
	.venv/bin/python -m benchmarks.run --quick

clean: ## Remove .venv and the caches; keep var/ with databases and reports
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache *.egg-info

.venv/installed-demo: extras = demo
.venv/installed-dev: extras = demo,dev

# pip prints nothing for minutes, or too much. This prints its progress, and its log if it fails.
# A background job of sh ignores Ctrl-C, hence the trap.
.venv/installed-%: pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
		echo 'No Python 3.11, 3.12 or 3.13 was found. Install one, or give its path: make PYTHON=/path/to/python3' >&2; \
		exit 2; }
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || { \
		echo "Making .venv with $$("$(PYTHON)" --version)."; \
		"$(PYTHON)" -m venv .venv || { rm -rf .venv; exit 1; }; }
	@echo 'Installing the pinned dependencies into .venv (a minute or two the first time).'
	@.venv/bin/python -m pip install -c constraints.txt -e '.[$(extras)]' >.venv/install.log 2>&1 & pip=$$!; \
	trap 'kill $$pip; exit 130' INT TERM; \
	tick=0; while kill -0 $$pip 2>/dev/null; do \
		sleep 1; tick=$$((tick + 1)); [ $$((tick % 5)) -eq 0 ] || continue; \
		if grep -q '^Installing collected' .venv/install.log; then doing='installing the packages'; \
		else doing="$$(grep -c '^Collecting' .venv/install.log) packages downloaded"; fi; \
		echo "  $$tick s: $$doing"; \
	done; \
	wait $$pip || { cat .venv/install.log; echo 'The installation failed. See the reason above.'; exit 1; }
	@mkdir -p .venv/package/order_factory
	@for folder in api cli flows gateways models tasks; do \
		ln -sfn "../../../$$folder" ".venv/package/order_factory/$$folder"; \
	done
	@touch $@
