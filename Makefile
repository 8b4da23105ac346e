# Two commands do everything on a machine that has only Python >= 3.10 and make:
#   make demo   a VQE in a Session against the embedded local server
#   make test   lint, types and the whole test suite
# Three more work in environments of their own, two of them with the versions at both ends:
#   make test-lowest   Python 3.10 and the lowest dependencies that pyproject.toml allows
#   make test-newest   the newest Python that is there and the newest dependencies, no pre-releases
#   make test-official what is compared with qiskit-ibm-runtime, with the newest one, whatever pyproject.toml allows
# For those three another Python is chosen with PYTHONS=3.12. And for who changes the package (.github/CONTRIBUTING.md):
#   make client        the tests of the client that run on every system, Windows included
#   make coverage      the suite once more, measured, against the floor in pyproject.toml
#   make bench         the benchmarks, in about ten minutes: docs/performance.md anew; BENCH_ARGS="--only server --against DIR"
#   make pictures      the pictures of the Workloads page in the docs, taken anew; needs Chromium
#   make hooks         the checks of `make lint` before every commit
# Another interpreter is chosen with PYTHON=python3.12, arguments of the demo with DEMO_ARGS="--seed 1 --start 0".

PYTHON ?= python3
VENV := .venv
BIN = $(VENV)/bin
# One more than two processors: a third of the time, tests wait for servers that they have started.
JOBS ?= 3
INSTALL := --editable ".[dev]"
# An environment for each Python that was asked for.
OF_PYTHON = $(if $(filter command,$(origin PYTHONS)),-$(PYTHONS))
THIRDPARTY := thirdparty

.PHONY: demo test test-lowest test-newest test-official lint types unit official client coverage pictures hooks bench thirdparty clean

demo: $(VENV)/.demo-ready
	$(BIN)/python examples/vqe_session.py $(DEMO_ARGS)

test: lint types unit

# Other third-party packages need versions above our lowest; their tests are skipped and say so.
test-lowest: PYTHONS := 3.10
test-lowest:
	$(MAKE) unit demo VENV=.venv-lowest$(OF_PYTHON) PYTHON="$$(.ci/python $(PYTHONS))" THIRDPARTY= \
		INSTALL='--constraint .ci/constraints-lowest.txt --editable ".[test]" qiskit-algorithms qiskit-optimization'

test-newest: PYTHONS := 3.14 3.13 3.12
test-newest:
	$(MAKE) unit demo VENV=.venv-newest$(OF_PYTHON) PYTHON="$$(.ci/python $(PYTHONS))" \
		INSTALL='--upgrade --upgrade-strategy eager --constraint .ci/constraints-newest.txt --editable ".[dev]"'

test-official: PYTHONS := 3.14 3.13 3.12
test-official:
	$(MAKE) official VENV=.venv-official$(OF_PYTHON) PYTHON="$$(.ci/python $(PYTHONS))"

lint: $(VENV)/.dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev-ready
	$(BIN)/mypy

unit: $(VENV)/.dev-ready $(THIRDPARTY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not deep" $(PYTEST_ARGS)

# In an environment that is used for nothing else.
official: $(VENV)/.dev-ready
	$(BIN)/python -m pip install --quiet --upgrade qiskit-ibm-runtime
	$(BIN)/python -m pip show qiskit-ibm-runtime
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not deep" $(PYTEST_ARGS) \
		tests/official tests/options \
		tests/test_compat.py tests/test_completion_of_names.py tests/test_examples.py tests/test_surface.py

client: $(VENV)/.dev-ready
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not deep" @.ci/client-tests.txt $(PYTEST_ARGS)

# In every process that the suite starts: see patch in pyproject.toml. Not a part of `make test`, which it makes slower.
coverage: $(VENV)/.dev-ready $(THIRDPARTY)
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n $(JOBS) --dist worksteal -m "not slow and not deep" $(PYTEST_ARGS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

hooks: $(VENV)/.dev-ready
	$(BIN)/python -m pip install --quiet pre-commit
	$(BIN)/python -m pre_commit install

pictures: $(VENV)/.dev-ready
	TAKE_PICTURES=1 $(BIN)/python -m pytest tests/server/web/test_pictures.py

bench: $(VENV)/.dev-ready
	$(BIN)/python benchmarks/bench.py $(BENCH_ARGS)

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10))" || { \
		echo "'$(PYTHON)' is no Python >= 3.10 ($$($(PYTHON) --version 2>&1 | head -n 1));" \
			"name one that is: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo-ready: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[demo]"
	touch $@

$(VENV)/.dev-ready: pyproject.toml $(wildcard .ci/constraints-*.txt) | $(BIN)/python
	$(BIN)/python -m pip install --quiet $(INSTALL)
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
	rm -rf .venv .venv-* dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
