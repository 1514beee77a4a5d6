# `make run` is the whole system from nothing; see README.md. Needs python3 >= 3.11, make, and PyPI as pip reaches it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
UP_ARGS ?=

.PHONY: run down status install install-dev test lint format pins clean

run: install
	@exec $(BIN)/python manage.py up $(UP_ARGS)

down: install
	@exec $(BIN)/python manage.py down

status: install
	@exec $(BIN)/python manage.py status

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

test: install-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The pins of everything installed, from the direct dependencies in pyproject.toml. In an environment of its own, for
# pip-tools wants its own pip. PIN_ARGS=--upgrade takes new versions of what the direct pins bring.
PIN := ../$(VENV)-pins/bin/pip-compile --quiet --strip-extras --no-header --annotation-style=line --no-emit-options \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(PIN_ARGS)
pins: | $(VENV)-pins/bin/pip-compile
	$(subst ../,,$(PIN)) --output-file=requirements.txt pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' \
		| $(subst ../,,$(PIN)) --constraint=requirements.txt --output-file=requirements-dev.txt -

clean: down
	rm -rf $(VENV) $(VENV)-pins .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
