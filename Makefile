# Needs Python 3.11 or newer and make; everything else goes into .venv.
#
#   make campaign    a simulated night, and its report
#   make test        linters, types, import contracts, tests
#   make nightly     the long tests too, property tests that search further, and the benchmarks
#   make mutants     faults put into the safety rooms one at a time: does a test notice each?
#   make audit       known weaknesses of the pinned dependencies; asks a database on the network
#   make docs        the documentation as a site, in build/site
#   make install     the environment alone
#   make clean       remove the environment and everything that can be made again (never records)

# The first Python that is new enough; choose another with `make PYTHON=/path/to/python ...`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
CAMPAIGN ?= examples/night.toml
DATA ?= vitrail-data
JOBS ?= 2
# Many tests wait for a wire, a clock or a process: a third worker uses what two leave of two cores.
WORKERS ?= 3
# The tests of a file share what is dear to make (a night, a server, a database) and some tell a story in order: they stay together.
# In the order of the files the long ones of tests/system come first.
BY_FILE := --dist loadfile --no-loadscope-reorder

BIN := .venv/bin
STAMP := .venv/installed
export MPLBACKEND = Agg
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: campaign test lint nightly mutants docs audit install clean
.DEFAULT_GOAL := campaign

campaign: $(STAMP)
	@$(BIN)/vitrail campaign run $(CAMPAIGN) --data $(DATA)

test: lint
	$(BIN)/pytest -q -n $(WORKERS) $(BY_FILE)

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

nightly: $(STAMP)
	HYPOTHESIS_PROFILE=nightly $(BIN)/pytest -q -n $(JOBS) $(BY_FILE) -m 'nightly or not nightly' --timeout 7200
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

mutants: $(STAMP)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[mutation]'
	$(BIN)/python benchmarks/mutation.py --jobs $(JOBS)

# Strictly: a lost link or anchor, or a page in no table of contents, is an error.
docs: $(STAMP)
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env --builder html docs build/site
	@echo "The site is in build/site: open build/site/index.html"

# In an environment of its own: what it brings is no part of what it audits. A package that the database does not know fails.
audit:
	@test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit && .venv-audit/bin/pip install --quiet 'pip-audit>=2.10,<3'; }
	.venv-audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

install: $(STAMP)

# Run again whenever what is to be installed changes; `make clean` first gives an environment without leftovers.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
		echo "No Python 3.11 or newer that can make environments was found. Install one (on Debian and Ubuntu also" \
			"python3-venv), or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), but 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { \
		echo "$(PYTHON) cannot make environments: on Debian and Ubuntu install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version); this is done once and takes a few minutes."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[session,hardware,dev]'
	@touch $@

clean:
	rm -rf .venv .venv-audit mutants build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find beamline devices plans tests -name __pycache__ -prune -exec rm -rf {} +
