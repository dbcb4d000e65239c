# The commands of this project. `make` alone lists them.

SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
BOOTSTRAP := env VENV=$(VENV) deploy/demo/bootstrap.sh
PYTEST := $(BIN)/python -m pytest

# Files of tests that `make test` runs side by side; 0: one after the other.
TEST_JOBS ?= 2

# Seconds after which a test of `make test` hangs, and fails; the longest take one minute.
TEST_LIMIT ?= 300

# What `make bench` measures on: a folder of PDFs, by default the corpus where there is one.
FOLDER ?= $(if $(INGESTKIT_CORPUS),$(INGESTKIT_CORPUS)/bench,build/bench/samples)

# Seconds that a benchmark of quality may take; on two busy cores they take some ten minutes each.
BENCH_LIMIT ?= 3600

.DEFAULT_GOAL := help
.PHONY: help demo broker test test-faults test-systemd lint bench lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## PDFs through a real broker and daemon, and back; FILES="a.pdf b.pdf" takes your own
	@$(BOOTSTRAP) runtime
	@exec env PYTHONPATH=deploy $(BIN)/python -m demo.demo $(FILES)

broker: ## A private RabbitMQ node to try things with, until Ctrl-C
	@AMQP_URL= $(BOOTSTRAP) runtime
	@exec env PYTHONPATH=deploy $(BIN)/python -m demo.serve

test: ## Unit tests, then integration tests against a private broker
	@$(BOOTSTRAP) dev
	@$(PYTEST) tests/unit tests/integration -m "not slow" -n $(TEST_JOBS) --dist loadfile --durations=10 \
	    -o faulthandler_timeout=$(TEST_LIMIT) $(PYTEST_ARGS)

test-faults: ## Kills and stops under load, on RabbitMQ 3 and 4; most of an hour
	@$(BOOTSTRAP) dev
	@tests/faults/packages.sh
	@$(PYTEST) tests/faults --durations=5 $(PYTEST_ARGS)

test-systemd: ## The installed service in a real systemd (root); INGESTKIT_SYSTEM_TESTS=short: under three minutes
	@$(BOOTSTRAP) dev
	@tests/system/packages.sh
	@$(PYTEST) tests/system --durations=5 $(PYTEST_ARGS)

lint: ## Style, types and import contracts
	@$(BOOTSTRAP) dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --cache-dir .cache/import-linter

bench: ## Speed and quality beside the bare parser, pool, Tesseract, Celery and Dramatiq; FOLDER=folder of PDFs
	@$(BOOTSTRAP) bench
	@test -d "$(FOLDER)" || PYTHONPATH=deploy $(BIN)/python -m demo.samples "$(FOLDER)"
	@$(BIN)/python benchmarks/pages.py "$(FOLDER)"
	@$(BIN)/python benchmarks/pool.py "$(FOLDER)"
	@$(BIN)/python benchmarks/large.py "$(FOLDER)"
	@timeout $(BENCH_LIMIT) $(BIN)/python benchmarks/ocr.py "$(FOLDER)"
	@if [ -n "$(INGESTKIT_CORPUS)" ]; then timeout $(BENCH_LIMIT) $(BIN)/python benchmarks/quality.py "$(INGESTKIT_CORPUS)"; \
	else echo "quality.py needs the documents that INGESTKIT_CORPUS names: left out"; fi
	@$(BIN)/python benchmarks/roundtrip.py

lock: ## Write the pinned requirements again; UPGRADE=1 takes the newest allowed
	@$(BOOTSTRAP) dev
	@UPGRADE=$(UPGRADE) requirements/compile.sh $(BIN)/python

clean: ## Remove the environment, caches and what was built
	rm -rf $(VENV) .cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
