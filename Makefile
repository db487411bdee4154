# make chat: the chat at http://127.0.0.1:7860/chat      make test: lint, types, tests, browser tests      make bench: measurements
# Each works as the first command on a machine with Python 3.11 or newer.
.PHONY: chat test lint bench clean
VENV ?= .venv
# the first Python that runs and is new enough (a version manager's stub may be there and not run)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := $(VENV)/bin

chat: $(VENV)/.installed
	$(BIN)/ketaqa serve

test: lint $(VENV)/.browser
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "KetaQA needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3 chat"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "trying to install the system's venv package"; apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); } || { rm -rf $(VENV); echo "this Python has no venv module; install it (Debian, Ubuntu: apt install python3-venv)"; exit 1; }

$(VENV)/.installed: pyproject.toml hatch_build.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: pyproject.toml hatch_build.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,bench]'
	@touch $@

# the Chromium that is there, else Playwright's own where it can be downloaded, else the system's package
$(VENV)/.browser: $(VENV)/.dev
	@command -v chromium || command -v chromium-browser || command -v google-chrome \
	  || timeout 300 $(BIN)/playwright install --with-deps chromium \
	  || { apt-get update -qq && apt-get install -y -qq chromium; } \
	  || { echo "no Chromium for the browser tests: install one, then run make test again"; exit 1; }
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
