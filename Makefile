# make demo    set up, then train on embedded data and write a report (no PyTorch needed)
# make test    set up, then run style checks, type checks and all tests
# make docs    set up, then build the site in build/site/html; its lessons run
# make verify  the long proofs: mutation (50 minutes a part), all kills, every published row; stopped, it goes on

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS := .venv-docs
WORKERS ?= 2

# The tests start hundreds of processes: each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo docs test verify lint style types tests setup setup-dev clean clean-kernels

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "glassnet needs Python 3.11 or newer; name one with make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "setting up (a minute or so the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@# adv-lib asks for torchvision and visdom, which none of its attacks here needs. pip compiles on one core alone.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-compile --editable '.[dev,torch]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-compile --no-deps adv-lib
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib > /dev/null 2>&1 || true # a package may hold files of other Pythons
	@touch $(VENV)/.ready $@

demo: setup
	$(BIN)/glassnet demo

$(DOCS)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "glassnet needs Python 3.11 or newer; name one with make PYTHON=python3.12"; exit 2; }
	@test -d $(DOCS) || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@touch $@

docs: $(DOCS)/.ready
	$(DOCS)/bin/python -m tools.site
	@echo "open build/site/html/index.html"

style: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

tests: setup-dev
	GLASSNET_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q -m "not long"

lint: style types

test: style
	@# Types are checked while the tests load.
	$(MAKE) --jobs=2 types tests

verify: setup-dev
	$(BIN)/python tools/verify.py $(PARTS)

clean-kernels:
	find src -name '*.nbi' -delete -o -name '*.nbc' -delete

clean: clean-kernels
	rm -rf $(VENV) $(DOCS) build .pytest_cache .mypy_cache .ruff_cache
