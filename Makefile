# Two commands do everything on a machine that has only Python >= 3.10 and make:
#   make demo   a VQE in a Session against the embedded local server
#   make test   lint, types and the whole test suite

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: demo test lint types unit bench thirdparty clean

demo: $(VENV)/.demo-ready
	$(BIN)/python examples/vqe_session.py

test: lint types unit

lint: $(VENV)/.dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev-ready
	$(BIN)/mypy

unit: $(VENV)/.dev-ready thirdparty
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not deep" $(PYTEST_ARGS)

bench: $(VENV)/.dev-ready
	$(BIN)/python benchmarks/loop.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo-ready: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[demo]"
	touch $@

$(VENV)/.dev-ready: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@ $(VENV)/.demo-ready

# The packages whose tests run them with our primitives, and the sources of one for its own tests. pennylane-qiskit 0.45
# declares Qiskit <= 2.3 and runs with later ones, hence without its dependencies. What an older Python lacks is skipped.
thirdparty: $(VENV)/.thirdparty-ready

$(VENV)/.thirdparty-ready: tests/thirdparty/requirements.txt $(VENV)/.dev-ready
	$(BIN)/python -m pip install --quiet --requirement tests/thirdparty/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps "pennylane-qiskit>=0.45,<0.46; python_version >= '3.11'"
	$(BIN)/python -m pip download --quiet --no-deps --no-binary qiskit-addon-cutting --dest $(VENV)/thirdparty \
		"$$($(BIN)/python -m pip freeze | grep '^qiskit-addon-cutting==')"
	cd $(VENV)/thirdparty && for archive in *.tar.gz; do tar -xzf "$$archive"; done
	touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
