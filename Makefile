# fpgac: what there is to do in a clone. `make` alone lists it.

VENV := .venv
BIN := $(VENV)/bin
export VENV

# The tests' workers. Two, for two cores; `make test WORKERS=0` runs them one after the other.
WORKERS := 2
SPREAD := -n $(WORKERS) --dist loadfile

# Which cases `make nightly` draws: others each time, unless SEED=... is given.
SEED := $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')

.DEFAULT_GOAL := help
.PHONY: help demo setup test quick nightly check format bench docs clean

help: ## list what there is to do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ## install what is missing, compile the muon network, run its hosts on the emulated card
	@scripts/setup.sh demo
	@scripts/demo.sh

setup: ## install all that training, tests and documentation need
	@scripts/setup.sh dev

test: check ## install what is missing, then lint, types and the whole test suite
	$(BIN)/pytest $(SPREAD)

quick: setup ## the test suite without the minutes-long tests
	$(BIN)/pytest $(SPREAD) -m "not heavy"

nightly: setup ## draw new cases for the property tests, ten times as many
	@echo "drawing from seed $(SEED): make nightly SEED=$(SEED) draws the same cases again"
	$(BIN)/pytest $(SPREAD) -m hypothesis --hypothesis-profile=nightly --hypothesis-seed=$(SEED)

check: setup ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## fix lint and format where ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure compile times, exact emulation, growth and host calls against peers
	@for bench in bench/[!_]*.py; do TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python "$$bench" || exit; done

docs: setup ## build the documentation into site/
	$(BIN)/mkdocs build --strict

clean: ## remove what builds, tests and tools leave; the virtual environment stays
	rm -rf build site .setup.log .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
