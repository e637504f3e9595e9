# Every target works on a bare machine with Python >= 3.11 (with venv), make and git. Try: make help
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PY := .venv/bin/python
CODE := tracker plugins tests bench

# make predefines neither, so a value comes from the command line or the environment.
SECONDS ?=
KILL ?=
ARGS ?=
TESTS ?= tests
# Much of a test's time is waiting for servers: two processes of them are quicker than one, also on two cores.
PROCESSES ?= 2

.PHONY: help env demo fast test check format constraints schemas docs bench clean

help: ## show this text
	@printf '%s\n' 'Live, exact counters for influencer campaigns.' ''
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'
	@printf '%s\n' '' \
	'Examples:' \
	'  make demo                     watch simulated campaigns and their alerts until Ctrl-C' \
	'  make demo SECONDS=60          stop by itself, and prove every counter and every alert (exit code 0: exact)' \
	'  make demo SECONDS=60 KILL=1   the same, while worker and watcher are killed with -9 every few seconds' \
	'  make test TESTS=tests/domain  only some tests;  ARGS="-k rollback -x" goes to pytest' \
	'  make test PROCESSES=0         one test after the other, in one process' \
	'  make env PYTHON=python3.12    choose the interpreter'

env: ## make .venv from the pinned, hashed constraints.txt (does nothing when it is up to date)
	@PYTHON='$(PYTHON)' ./scripts/environment

demo: env ## simulated campaigns through the real door, live with their alerts (SECONDS=n, KILL=1, ARGS=...)
	@.venv/bin/tracker demo $(if $(SECONDS),--seconds $(SECONDS)) $(if $(KILL),--kill) $(ARGS)

check: env ## format, lint, types and import contracts
	@$(PY) -m ruff format --check $(CODE)
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m mypy
	@.venv/bin/lint-imports

fast: check ## what runs in under a minute: check, and the tests marked neither integration nor slow
	@$(PY) -m pytest --numprocesses=$(PROCESSES) --dist=loadfile -m 'not integration and not slow' --hypothesis-profile=fast $(ARGS) $(TESTS)

test: check ## everything; integration on real Kafka where Java and Maven are found, else on the embedded broker
	@$(PY) -m pytest --numprocesses=$(PROCESSES) --dist=loadfile $(ARGS) $(TESTS)

format: env ## let ruff format the code and mend what it can
	@$(PY) -m ruff format $(CODE)
	@$(PY) -m ruff check --fix $(CODE)

constraints: env ## pin every dependency anew, with hashes, after a change of pyproject.toml (ARGS=--upgrade for newer versions)
	@CUSTOM_COMPILE_COMMAND='make constraints' env -u PIP_FIND_LINKS $(PY) -m piptools compile --quiet $(ARGS) pyproject.toml

docs: env ## write the reference pages that are made from the program
	@$(PY) -m tracker.cli.reference docs/reference
	@$(PY) -m tracker.plugin.reference docs/reference/hooks.md
	@$(PY) -m tracker.plugin.rules_reference docs/reference

schemas: env ## write schemas/ anew from the types
	@$(PY) -m tracker.codec.schemas schemas/

bench: env ## our worker beside its peers, one run, one table
	@$(PY) bench/run.py $(ARGS)

clean: ## remove .venv and everything that was built or cached
	rm -rf .venv .build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
