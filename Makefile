# The commands of this project. `make` alone lists them.

SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
BOOTSTRAP := VENV=$(VENV) deploy/demo/bootstrap.sh
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## PDFs through a real broker and daemon, and back; FILES="a.pdf b.pdf" takes your own
	@$(BOOTSTRAP) runtime
	@exec env PYTHONPATH=deploy $(BIN)/python -m demo.demo $(FILES)

test: ## Unit tests, then integration tests against a private broker
	@$(BOOTSTRAP) dev
	@$(PYTEST) tests/unit tests/integration -m "not slow" --durations=5 $(PYTEST_ARGS)

lint: ## Style, types and import contracts
	@$(BOOTSTRAP) dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --cache-dir .cache/import-linter

lock: ## Pin the newest allowed requirements again
	@$(BOOTSTRAP) dev
	@UPGRADE=$(UPGRADE) requirements/compile.sh $(BIN)/python

clean: ## Remove the environment, caches and what was built
	rm -rf $(VENV) .cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
