# make run: from a fresh checkout to a first result.   make test: the test suite.   make help: all targets.
# Everything is installed into .venv; what the system lacks is listed, with the command that installs it.
SHELL = /bin/sh
MAIN_SCENARIO = landscape
REPLICATIONS = 8
WORKERS = $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
PYTHON = .venv/bin/python
SIMPY = simpy==4.1.2
unexport PYTHONHOME PYTHONPATH
unexport PYTHONDONTWRITEBYTECODE  # else each of the tests' many processes compiles every module again

.PHONY: help run test slow build lint bench notebooks clean install install-test
.DEFAULT_GOAL := help

help:
	@echo "make run     run $(REPLICATIONS) replications of the scenario $(MAIN_SCENARIO), print its outcomes, write its report"
	@echo "make test    run the tests, except the slow ones"
	@echo "make slow    run the slow tests"
	@echo "make build   compile the kernel again, after a change of simdai/kernel/*.pyx"
	@echo "make lint    check style and types"
	@echo "make bench   measure the kernel's speed"
	@echo "make notebooks   open the notebooks in JupyterLab"
	@echo "make clean   remove what was built (.venv and results/ stay)"

install:
	@.ci/install

install-test:
	@.ci/install test
	@mkdir -p .cache
	@test -f .cache/simpy-4.1.2.tar.gz || $(PYTHON) -m pip download --quiet --retries 1 --timeout 20 --no-deps \
	    --no-binary simpy --dest .cache $(SIMPY) >.cache/download.log 2>&1 \
	    || echo "simdai: the tests of $(SIMPY) could not be downloaded; the tests that need them will be skipped" >&2

run: install
	@$(PYTHON) -m simdai run $(MAIN_SCENARIO) --replications $(REPLICATIONS) --workers $(WORKERS)

test: install-test
	$(PYTHON) -m pytest -n logical --dist loadfile -m "not slow"

slow: install-test
	$(PYTHON) -m pytest -m slow

build: install
	@$(PYTHON) -c "import simdai.kernel as kernel; print('compiled' if kernel.COMPILED else 'reference')"

lint: install-test
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy

bench: install
	$(PYTHON) -m simdai bench

notebooks:
	@.ci/install notebooks
	@cd notebooks && ../$(PYTHON) -m jupyterlab

clean:
	rm -rf build dist simdai.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f simdai/kernel/*.so simdai/kernel/*.pyd simdai/kernel/_stamp*
	find simdai tests -name __pycache__ -type d -prune -exec rm -rf {} +
