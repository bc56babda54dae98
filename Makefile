# `make demo` and `make test` do everything on a fresh machine; see CONTRIBUTING.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint docs bench clean

demo: $(VENV)/.demo
	$(BIN)/seriatim demo

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: $(VENV)/.dev
	$(BIN)/sphinx-build --fail-on-warning --fresh-env -b html docs docs/_build/html

bench: $(VENV)/.test
	$(BIN)/python benchmarks/text_sampling.py
	$(BIN)/python benchmarks/text_training.py

clean:
	rm -rf $(VENV) docs/_build

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# one mark a set of extras: installed again when the project's needs change, at once otherwise
$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[plot,demo]'
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt examples/plugin/pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[plot,text,tracking,test]'
	$(PIP) --no-deps --editable examples/plugin
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	touch $@
