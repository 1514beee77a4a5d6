# `make run` is the whole system from nothing; see README.md. Needs python3 >= 3.11, make, and PyPI as pip reaches it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
UP_ARGS ?=

.PHONY: run down status install install-dev env test test-faults test-kafka test-accumulo test-browser test-containers test-hosts screenshots bench-ingest bench bench-real bench-web simulate lint format pins vendor clean

run: install
	@exec $(BIN)/python manage.py up $(UP_ARGS)

down: install
	@$(BIN)/python manage.py down

status: install
	@$(BIN)/python manage.py status

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

test: install-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# Everything is killed, restarted, frozen and emptied while each tick is recomputed, and the verifier is shown broken builds of the
# engine: 8 minutes. With FULL=1 more often and for longer.
test-faults: install-dev
	$(BIN)/python -m pytest -s tests/faults $(PYTEST_ARGS)

# What holds on a real Apache Kafka alone, 8 minutes: needs Java 17 or newer and Maven, which fetches the broker's jars once.
test-kafka: install-dev
	$(BIN)/python -m pytest -s -m real_kafka tests/contract tests/faults tests/kafka $(PYTEST_ARGS)

# What holds on a real Apache Accumulo alone, and the whole chain on it and a real Kafka with each part killed and frozen: needs
# Java 17 or newer and Maven, which fetches the jars once. 14 minutes. With FULL=1 also another number of shards, and for longer.
test-accumulo: install-dev
	$(BIN)/python -m pytest -s -m real_accumulo tests/contract tests/faults tests/accumulo $(PYTEST_ARGS)

# The page in a real Chromium in front of the whole system, 8 minutes; pictures of every view go to build/screenshots. Needs Chromium
# (Debian: apt-get install chromium; or TICKERLINE_CHROMIUM names one); without it all is left out, or fails where CI=true.
test-browser: install-dev
	$(BIN)/python -m pytest --timeout 300 tests/browser $(PYTEST_ARGS)

# The README's pictures, docs/pictures, of a system of their own: 2 minutes. Needs Chromium.
screenshots: install-dev
	$(BIN)/python -m tests.browser.pictures

# What docker-compose.yml needs before its first start: random passwords, each in a file of its own in secrets/, and .env.
env:
	@$(PYTHON) deploy/containers/make_secrets.py secrets --env .env

# The image, both compose files and the workers, in containers: 17 minutes on a busy machine; the first time 3 more to build what they run on. Needs
# root and Debian, for an engine of its own (IMAGES=upstream: a Docker engine with compose 2.24, and the published images).
test-containers: install-dev
	@deploy/containers/with-engine sh -c \
		'deploy/containers/images && exec $(BIN)/python -m pytest -s tests/containers $(PYTEST_ARGS)'

# The roles on three hosts, as namespaces of this machine, whose links are cut: 5 minutes. Needs root, iproute2, iptables and procps
# (Debian: apt-get install iproute2 iptables procps), and what test-kafka needs.
test-hosts: install-dev
	unshare --net --mount $(BIN)/python -m pytest -s tests/hosts $(PYTEST_ARGS)

# How well ingestion does, as ratios to what is to be reached (docs/performance.md): 5 minutes. Fails when one is missed.
bench-ingest: install-dev
	@missed=0; for one in ingest_store ingest_quota planner; do \
		echo "benchmarks.$$one"; $(BIN)/python -m benchmarks.$$one || missed=1; \
	done; exit $$missed

# How fast the tick engine is and what it costs, beside its goals (docs/performance.md): about half an hour. Fails when one is missed.
# With BROKERS="embedded real" on a real Apache Kafka as well, which needs Java 17 or newer and Maven: twice as long.
BROKERS ?= embedded
bench: install-dev
	@missed=0; for one in "engine --broker $(BROKERS)" table; do \
		echo "benchmarks.$$one"; $(BIN)/python -m benchmarks.$$one || missed=1; \
	done; exit $$missed

# How the real servers do: Accumulo's adapter, exactly once, and the whole chain (docs/scale.md), beside their goals: 15 minutes. Needs a
# JDK, 17 or newer, and Maven. Fails when a goal is missed.
bench-real: install-dev
	$(BIN)/python -m benchmarks.real

# How the web does under many clients, and its page in a real Chromium, beside their goals (docs/performance.md): about 15 minutes.
# Needs Chromium, and for Lighthouse Node.js and npm. Fails when one is missed.
bench-web: install-dev
	@missed=0; for one in live page; do \
		echo "benchmarks.$$one"; $(BIN)/python -m benchmarks.$$one || missed=1; \
	done; exit $$missed

# A hundred drivers and a thousand shards under failures on a simulated clock, and that the simulation finds what a broken protocol
# loses or doubles (docs/scale.md): about a quarter of an hour of one core. SIMULATE_ARGS: `python -m benchmarks.growing --help`.
simulate: install-dev
	$(BIN)/python -m benchmarks.growing $(SIMULATE_ARGS)

lint: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The pins of everything installed, from the direct dependencies in pyproject.toml. PIN_ARGS=--upgrade takes new versions
# of what those bring.
PINS := $(VENV)/pins
PIN := $(PINS)/bin/pip-compile --quiet --strip-extras --no-header --annotation-style=line --no-emit-options \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(PIN_ARGS)
DEV_GROUP := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")

pins: $(PINS)/.installed
	$(PIN) --output-file=requirements.txt pyproject.toml
	$(PINS)/bin/python -c '$(DEV_GROUP)' > $(PINS)/dev.in
	$(PIN) --constraint=requirements.txt --output-file=requirements-dev.txt $(PINS)/dev.in

$(PINS)/.installed:
	$(PYTHON) -m venv $(PINS)
	$(PINS)/bin/python -m pip --disable-pip-version-check install --quiet pip-tools==7.6.2
	@touch $@

# The pages' foreign scripts, as published: with another sum than the one in vendor/README.md it fails. Needs npm.
VENDOR := webui/dashboard/static/dashboard/vendor
CHARTS := lightweight-charts@5.2.1
vendor:
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && npm pack --silent --pack-destination "$$folder" $(CHARTS) > /dev/null && \
	tar -xzf "$$folder"/*.tgz -C "$$folder" && \
	test "$$(sha256sum < "$$folder/package/dist/lightweight-charts.standalone.production.mjs" | cut -d' ' -f1)" = \
		"$$(grep -oE '[0-9a-f]{64}' $(VENDOR)/README.md)" && \
	cp "$$folder/package/dist/lightweight-charts.standalone.production.mjs" $(VENDOR)/lightweight-charts.js && \
	cp "$$folder/package/LICENSE" $(VENDOR)/lightweight-charts.LICENSE

clean:
	@if [ -x $(BIN)/python ]; then $(BIN)/python manage.py down; fi
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once, and filled again when the pins have changed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Tickerline needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; \
		exit 1; }
	@echo "making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); echo "'$(PYTHON) -m venv' failed; Debian and Ubuntu have it in the package python3-venv" >&2; exit 1; }

$(VENV)/.installed: requirements.txt | $(BIN)/python
	@echo "installing the requirements (a minute or two the first time)"
	@$(PIP) install --requirement requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "installing the tools of the tests"
	@$(PIP) install --requirement requirements.txt --requirement requirements-dev.txt
	@touch $@
