.PHONY: run test test-all lint train labels-check bench chaos coverage asyncapi schema lock notices sbom audit pin clean compose-test
EXPORT ?= examples/export.zip
PYTHON ?= python3
KILLS ?= 100
MOMENTS ?= 30
SEED ?= 1
BIN := .venv/bin
# Tests run in four processes, of which one or the other waits at any time; those that ARGS names in one.
WORKERS ?= $(if $(ARGS),0,4)
SPREAD = $(if $(filter-out 0,$(WORKERS)),-n $(WORKERS) --dist loadfile --no-loadscope-reorder)
# Whose tests tell which lines of shared/store are reached.
MEASURED := tests/unit/store tests/rest tests/postgres
# Whatever the environment says, bytecode is kept: each process of the tests would compile all of it anew.
export PYTHONDONTWRITEBYTECODE :=

run: .venv/run.stamp
	$(BIN)/soulprint run "$(EXPORT)"

# All but the slow ones; what ARGS names is run, slow or not.
test: .venv/dev.stamp
	$(BIN)/python -m pytest $(SPREAD) $(if $(ARGS),$(ARGS),-m "not slow")

# Each test once, those of the store while its lines are counted.
test-all: .venv/dev.stamp
	$(BIN)/python -m pytest $(SPREAD) $(addprefix --ignore=,$(MEASURED))
	$(MAKE) coverage

lint: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

chaos: .venv/dev.stamp
	CHAOS=1 REQUIRE_KAFKA=1 CHAOS_KILLS=$(KILLS) CHAOS_MOMENTS=$(MOMENTS) CHAOS_CONVERSATIONS=2000 CHAOS_SEED=$(SEED) $(BIN)/python -m pytest -o faulthandler_timeout=0 tests/chaos -s $(ARGS)

bench: .venv/dev.stamp
	$(BIN)/python -m bench $(ARGS)

# Which lines of shared/store its tests reach, over each transport. Other tests run in other processes: what was
# imported, or kept, for them counts as reached by nobody.
coverage: .venv/dev.stamp
	rm -rf build/coverage* && mkdir -p build
	REQUIRE_POSTGREST=1 REQUIRE_PGBOUNCER=1 $(BIN)/python -m pytest $(SPREAD) -p tests.support.measuring $(MEASURED)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage json --quiet -o build/coverage.json
	$(BIN)/python -m scripts.coverage build/coverage.json

# Learns the weights of the gate anew from data/labels; a few seconds, the same bytes on each machine.
train: .venv/train.stamp
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m scripts.train

labels-check: .venv/dev.stamp
	$(BIN)/python -m scripts.labels

asyncapi: .venv/dev.stamp
	$(BIN)/python -m shared.log.kafka.asyncapi > docs/asyncapi.yaml

schema: .venv/dev.stamp
	$(BIN)/python -m scripts.schema > docs/schema.sql

# Needs a Docker engine; no other target does.
compose-test:
	scripts/compose-test.sh

lock: .venv/dev.stamp
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --extra build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --constraint requirements.lock --extra build --extra dev pyproject.toml -o requirements-dev.lock

	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --constraint requirements-dev.lock --extra train pyproject.toml -o requirements-train.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --group supply -o requirements-supply.lock

notices: .venv/dev.stamp
	@mkdir -p build
	$(BIN)/python -m scripts.notices > build/notices.part && mv build/notices.part THIRD_PARTY_NOTICES

# The image's bill of materials. Its tool, and that of the audit, stay out of the environment that they look at.
sbom: .venv/dev.stamp .venv/supply.stamp
	.venv-supply/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible --of JSON -o build/seen.cdx.json $(BIN)/python
	$(BIN)/python -m scripts.sbom build/seen.cdx.json > build/sbom.cdx.json
	@echo "build/sbom.cdx.json"

# Asks an advisory service of known holes in what the locks hold. Where none is reached it fails: silence would be no answer.
audit: .venv/supply.stamp
	for lock in requirements requirements-dev requirements-train requirements-supply; do .venv-supply/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $$lock.lock || exit 1; done

# Digests of images, where a registry is reached: make pin ARGS="prom/prometheus:v3.16.0" also moves to that tag.
pin: .venv/run.stamp
	$(BIN)/python -m scripts.pin $(ARGS)

clean:
	rm -rf .venv .venv-supply build dist .mypy_cache .ruff_cache .pytest_cache

.venv/train.stamp: .venv/dev.stamp requirements-train.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-train.lock
	touch $@

.venv/run.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "SoulPrint needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.venv/supply.stamp: .venv/run.stamp requirements-supply.lock
	test -x .venv-supply/bin/python || $(PYTHON) -m venv .venv-supply
	.venv-supply/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-supply.lock
	@mkdir -p build && touch $@
