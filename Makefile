# The Python that makes .venv, 3.11 or later: make test PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test coverage lint bench chaos lock clean

demo: $(VENV)/demo.stamp  ## the story on the sandbox: no account, no database to install
	$(BIN)/bridge demo --once

test: $(VENV)/dev.stamp  ## every test
	$(BIN)/python -m pytest -n 3 --dist loadfile $(PYTEST)

coverage:  ## every test, and which branches none of them takes
	$(MAKE) test PYTEST='--cov=bridge --cov-branch --cov-report=term:skip-covered'

lint: $(VENV)/dev.stamp  ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp  ## how fast it maps, receives and forwards here
	$(BIN)/bridge bench

chaos: $(VENV)/demo.stamp  ## random kills and faults for three minutes, then the count of every order
	$(BIN)/bridge chaos

lock: $(VENV)/dev.stamp  ## requirements.txt anew, from pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
		--output-file=requirements.txt pyproject.toml

clean:  ## everything that the other targets made
	rm -rf $(VENV) .data .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info

$(VENV)/demo.stamp: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --editable '.[embedded,sandbox]'
	touch $@

$(VENV)/dev.stamp: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --editable '.[embedded,sandbox,dev]'
	touch $(VENV)/demo.stamp $@
