# Everything runs in .venv, which `make` builds when it is missing or pyproject.toml is newer.
PYTHON ?= python3
VENV   := .venv
READY  := $(VENV)/.ready
SH     := $(wildcard theseus/sh/*.sh) tests/debian.sh tests/e2e/slurm/machine.sh .ci/run

.DEFAULT_GOAL := help
.PHONY: help demo test check fast bench clean

help: ## Show this list.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="	" read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

demo: $(READY) ## Train a small language model here: plan, ship, bootstrap, train, finish.
	cd examples/nanolm && ../../$(VENV)/bin/theseus submit demo train.yaml -d ../local.yaml --follow

test: debian check ## Everything that CI runs.
	$(VENV)/bin/python -m pytest --cov=theseus/core --cov-report=term

check: $(READY) ## Lint, types, import contracts, shell scripts.
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/shellcheck $(SH)
	$(VENV)/bin/shfmt -i 2 -ci -d $(SH)

fast: $(READY) ## The tests that need no server and no second.
	$(VENV)/bin/python -m pytest -m "not slow"

bench: $(READY) ## What it costs beside what one would do by hand: the table of doc/performance.md.
	$(VENV)/bin/python -m bench

clean: ## Remove what make built.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .import_linter_cache

.PHONY: debian
debian:
	@tests/debian.sh

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("theseus needs Python 3.11 or newer; this is " + sys.version.split()[0] + ": say make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@
