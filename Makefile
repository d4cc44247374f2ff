# make demo    set up, then train on embedded data and write a report (no PyTorch needed)
# make test    set up, then run style checks, type checks and all tests
# make docs    set up, then build the site in build/site/html; its lessons run
# make verify  the long proofs: mutation (50 minutes a part), all kills, every published row; stopped, it goes on

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS := .venv-docs
WORKERS ?= 2

.PHONY: demo docs test verify lint setup setup-dev clean clean-kernels

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "glassnet needs Python 3.11 or newer; name one with make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "setting up (a minute or so the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,torch]'
	@# adv-lib asks for torchvision and visdom, which none of its attacks here needs.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps adv-lib
	@touch $@

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

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	GLASSNET_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q -m "not long"

verify: setup-dev
	$(BIN)/python tools/verify.py $(PARTS)

clean-kernels:
	find src -name '*.nbi' -delete -o -name '*.nbc' -delete

clean: clean-kernels
	rm -rf $(VENV) $(DOCS) build .pytest_cache .mypy_cache .ruff_cache
