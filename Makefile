# Tenure. `make run` opens the dashboard, `make test` runs the tests; the rest is for people who work on it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run stop test thorough check bench audit clean docs

run: .venv/installed
	@$(BIN)/python -m demo --unless-set
	@$(BIN)/python -m queries.refresh || echo "The last snapshot, if there is one, keeps serving."
	@$(BIN)/streamlit run app.py

stop:
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m demo stop

# Frames of tests are small: threads that share them cost more than they bring beside another process of tests. And
# what is imported is compiled once, not by each process that a test starts.
test thorough check: export POLARS_MAX_THREADS = 1
test thorough check: export OMP_NUM_THREADS = 1
test thorough check: export OPENBLAS_NUM_THREADS = 1
test thorough check: export PYTHONDONTWRITEBYTECODE =
TESTS := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: .venv/installed-dev .venv/installed-bench
	$(TESTS)

# The same, with a thousand examples where there are twenty, and every page in Chromium where there are some.
thorough: .venv/installed-dev .venv/installed-bench
	TENURE_TESTS=all $(TESTS) --hypothesis-profile=thorough

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS) -q -m "not slow and not browser and not postgres"

bench: .venv/installed-bench
	$(BIN)/python -m bench
	$(BIN)/python -m bench.outreach
	$(BIN)/python -m bench.sessions
	$(BIN)/python -m bench.growth

# Asks which versions are known to be vulnerable; --strict fails where nobody can be asked.
audit: .venv/audit/installed
	.venv/audit/bin/pip-audit --strict --progress-spinner off -r requirements.txt

docs: .venv/installed
	$(BIN)/python -m queries.document
	$(BIN)/python -m outreach.play_document

clean: stop
	rm -rf .venv .data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# Modules are compiled when they are first used, not all of them here: that would take as long as fetching them.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Tenure needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv
	@echo "Installing what Tenure needs (about a minute the first time) …"

.venv/installed: requirements.txt | .venv/bin/python
	@$(INSTALL) -r requirements.txt
	@touch $@

.venv/installed-dev: requirements.txt requirements-dev.txt | .venv/bin/python
	@$(INSTALL) -r requirements-dev.txt
	@touch .venv/installed $@

.venv/installed-bench: requirements.txt requirements-dev.txt requirements-bench.txt | .venv/bin/python
	@$(INSTALL) -r requirements-bench.txt
	@touch .venv/installed .venv/installed-dev $@

.venv/audit/installed: requirements-audit.txt | .venv/bin/python
	@$(BIN)/python -m venv .venv/audit
	@.venv/audit/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-audit.txt
	@touch $@
