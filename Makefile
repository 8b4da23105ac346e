# Two commands do everything on a machine that has only Python >= 3.10 and make:
#   make demo   a VQE in a Session against the embedded local server
#   make test   lint, types and the whole test suite

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: demo test lint types unit bench pennylane clean

demo: $(VENV)/.demo-ready
	$(BIN)/python examples/vqe_session.py

test: lint types unit

lint: $(VENV)/.dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev-ready
	$(BIN)/mypy

unit: $(VENV)/.dev-ready pennylane
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

# pennylane-qiskit 0.45 declares Qiskit <= 2.3 and runs with later ones, hence without its dependencies. PennyLane
# itself needs Python 3.11; on an older one its tests are skipped and say so.
pennylane: $(VENV)/.pennylane-ready

$(VENV)/.pennylane-ready: $(VENV)/.dev-ready
	if $(BIN)/python -c "import sys; sys.exit(sys.version_info < (3, 11))"; then \
		$(BIN)/python -m pip install --quiet "pennylane>=0.45,<0.46" sympy && \
		$(BIN)/python -m pip install --quiet --no-deps "pennylane-qiskit>=0.45,<0.46"; \
	fi
	touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
