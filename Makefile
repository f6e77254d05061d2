# Needs Python >= 3.11 and make; everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help install lock demo test test-slow test-numeric coverage lint types docs check clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

install: $(BIN)/.installed  ## virtual environment in .venv with everything in it

lock: install  ## write what is installed to constraints.txt, the lock file that every installation here and in CI takes
	@sed -n '/^#/p' constraints.txt > constraints.new
	$(BIN)/python -m pip freeze --exclude-editable >> constraints.new
	mv constraints.new constraints.txt

demo: install  ## a cause is planted in simulated microscopy, found, mended and uncovered: under 3 minutes
	$(BIN)/heldout demo --out demo

test: install  ## the default tests, in two processes
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: install  ## the long ones, in two processes
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

test-numeric: install  ## the tests marked numeric under several BLAS kernels, one and two threads
	$(BIN)/python scripts/test_numeric.py

coverage: install  ## lines that the default and the long tests run, of the light and of the heavy half
	rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage run -m pytest -m slow
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python scripts/coverage_of_halves.py

lint: install  ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install  ## mypy, strict
	$(BIN)/mypy

docs: install  ## the documentation as a site in site/, which opens offline; a warning or a link to nothing stops it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

check: lint types test  ## all of the above

# What a person put into demo/ stays; only a virtual environment is removed whole.
STUDY := study.json cohort.parquet split.parquet report.html test_looks.jsonl diagnosis_looks.jsonl \
	test_evaluations.jsonl diagnosis_evaluations.jsonl calibration_evaluations.jsonl plans runs images features quality diagnosis tuning
CELLS := cells cells-saved-alike remedy

clean:  ## remove the virtual environment and what the demo made
	@if [ -f $(VENV)/pyvenv.cfg ]; then rm -rf $(VENV); fi
	@gone=""; \
	if grep -qs '"data": "phantom:cells"' demo/study.json; then gone="$(STUDY)"; \
	elif grep -qs '"data": "demo/cells"' demo/study.json && grep -qs '"cells-both-sites"' demo/cells/truth.json; then \
		gone="$(STUDY) $(CELLS)"; \
	fi; \
	if [ -n "$$gone" ]; then \
		cd demo && rm -rf $$gone && cd .. && \
		{ rmdir demo 2>/dev/null || { echo "demo/ holds other files, which stay:"; ls -A demo; }; }; \
	fi
