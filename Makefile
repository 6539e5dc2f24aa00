# The two commands of the README are `make demo` and `make test`. Each does all its own set-up.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test quick check format bench lock docs clean kafka release

help: ## shows this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(READY) ## runs the whole pipeline on an embedded broker over a generated sample
	@$(BIN)/screening demo

test: $(READY) kafka ## runs every test, on a real Apache Kafka that the suite starts
	@$(BIN)/python -m pytest -n 3 --dist worksteal

quick: check ## lint, types, unit and property tests: no Java, no browser, under two minutes
	@HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -n 2 --dist worksteal -m "not long" tests/unit tests/property

check: $(READY) ## lint, formatting, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## formats the code and mends what can be mended safely
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(READY) kafka ## measures the gate against its peers; and the law alone; writes benchmarks/results
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m benchmarks.law

docs: $(READY) ## writes the generated pages anew and builds the documentation site into .cache/docs
	@$(BIN)/python -m pipeline.devtools.topics_page > topics/README.md
	@$(BIN)/python -m pipeline.devtools.law_page
	@$(BIN)/python -m pipeline.devtools.settings_page
	@$(BIN)/python -m pipeline.devtools.log_events_page
	@$(BIN)/python docker/grafana/build.py
	@$(BIN)/python -m pipeline.devtools.docs_site

kafka: $(READY) ## fetches the Kafka jars for tests and benchmarks, once
	@$(BIN)/python -c 'from pipeline.devtools.kafka_prepared import prepare; prepare()'

RELEASE := .cache/release

release: $(RELEASE)/.ready ## builds the wheel, lists what it is made of (SBOM), and asks whether a dependency is known to be unsafe
	@rm -rf dist && mkdir dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(RELEASE)/bin/python -m build --wheel --outdir dist . >/dev/null && rm -rf build
	@PYTHONWARNINGS=ignore $(RELEASE)/bin/cyclonedx-py requirements docker/requirements.lock --pyproject pyproject.toml --of JSON -o dist/sbom.cdx.json
	@$(RELEASE)/bin/pip-audit --disable-pip --require-hashes -r docker/requirements.lock --progress-spinner off -f json -o dist/audit.json \
	  2>dist/audit.log; code=$$?; $(RELEASE)/bin/python docker/release/told.py dist $$code

$(RELEASE)/.ready: docker/release/requirements.lock
	@rm -rf $(RELEASE) && $(PYTHON) -m venv $(RELEASE)
	@$(RELEASE)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r docker/release/requirements.lock
	@touch $@

lock: ## resolves the dependencies anew, with hashes and without any registry's address
	@uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --universal \
	  --python-version 3.11 --all-extras --output-file requirements.lock pyproject.toml
	@uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --universal \
	  --python-version 3.11 --output-file benchmarks/peers/requirements.lock benchmarks/peers/requirements.in
	@uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --universal \
	  --python-version 3.11 --output-file docker/release/requirements.lock docker/release/requirements.in
	@uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --universal \
	  --python-version 3.11 --constraints requirements.lock --output-file docker/requirements.lock pyproject.toml

clean: ## removes what the other targets made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# The environment is complete when the marker is newer than what it was made from; a broken install leaves no marker.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once, under a minute) ..."
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
