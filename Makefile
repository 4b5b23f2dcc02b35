# make course: everything once, with a sample class.  make test: all tests.  See README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2

.PHONY: course test check lab formgrader bench colab system clean

course: $(READY) system
	$(BIN)/course demo

test: $(READY) system .venv-otter/.ready
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --touched-only

lab: $(READY)
	$(BIN)/jupyter lab --allow-root --notebook-dir=notebooks

formgrader: $(READY)
	cd classroom && ../$(BIN)/jupyter lab --allow-root --config=nbgrader_config.py --LabApp.default_url=/formgrader

bench: $(READY) .venv-otter/.ready
	$(BIN)/python -m autograder.bench

.venv-otter/.ready: tools/otter.sh constraints.txt $(READY)
	tools/otter.sh
	touch $@

colab: $(READY)
	tools/colab.sh

system:
	tools/system_packages.sh

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$$($(PYTHON) --version) is not supported: make PYTHON=python3.12 (3.11 to 3.13)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	$(BIN)/jupyter kernelspec install --sys-prefix autograder/kernelspecs/course-warm 2>/dev/null
	$(BIN)/jupyter kernelspec install --sys-prefix autograder/kernelspecs/course-fresh 2>/dev/null
	touch $@

clean:
	rm -rf $(VENV) .venv-colab .venv-otter build dist classroom
