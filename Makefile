# `make` alone prints what there is. Everything runs in .venv, which the first target that needs it makes.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
NAME ?= demo
PROCESSES ?= 2
SUITES := unit contract chart apiserver image e2e
CHECKED := lib operator cli portal local images manifests tests
LOCALCLUSTER = PYTHONPATH=local/cluster .venv/bin/python -m localcluster

##@ Use it
demo: .venv/localcluster ## Start a real cluster with everything in it and a Ready session
	@$(LOCALCLUSTER) demo --name $(NAME) $(OPTIONS)

status: .venv/localcluster ## Print what runs
	@$(LOCALCLUSTER) status --name $(NAME)

kubeconfig: .venv/localcluster ## Print the path of the cluster's kubeconfig
	@$(LOCALCLUSTER) kubeconfig --name $(NAME)

down: .venv/localcluster ## Stop the cluster and leave nothing behind
	@$(LOCALCLUSTER) down --name $(NAME)

images: .venv/localcluster ## Build the images; BLENDER=5.2: only the one with that Blender. docs/images.md has more
	@$(LOCALCLUSTER) images $(foreach SETTING,BLENDER BLENDER_URL BLENDER_SHA256,$(if $($(SETTING)),$(OPTION_$(SETTING))='$($(SETTING))'))
OPTION_BLENDER := --blender
OPTION_BLENDER_URL := --blender-url
OPTION_BLENDER_SHA256 := --blender-sha256

##@ Work on it
test: .venv/dev ## Build what the tests need, and run them all
	@PYTHONPATH=local/cluster .venv/bin/python tests/prepare.py
	@.venv/bin/python -m pytest --numprocesses=$(PROCESSES) --durations=15 --durations-min=1 $(OPTIONS)

$(SUITES): .venv/dev ## Run one suite of tests
	@.venv/bin/python -m pytest tests/$@ $(OPTIONS)

cluster: .venv/dev ## Check the local cluster's own package alone: format, rules, types, imports, tests
	@.venv/bin/ruff format --check local/cluster
	@.venv/bin/ruff check local/cluster
	@.venv/bin/mypy --package localcluster
	@PYTHONPATH=local/cluster .venv/bin/lint-imports --config local/cluster/pyproject.toml
	@.venv/bin/python -m pytest local/cluster/tests $(OPTIONS)

conformance: .venv/dev ## Put any Guacamole to our suite: URL=… USER=… PASSWORD=…, HEADER=… of its header extension
	@GUACAMOLE_URL=$(URL) GUACAMOLE_USER=$(USER) GUACAMOLE_PASSWORD=$(PASSWORD) GUACAMOLE_PERSON_HEADER=$(HEADER) .venv/bin/python -m pytest tests/contract/guacamole $(OPTIONS)

bench: .venv/dev ## Measure the operator under load, on simulated nodes; OPTIONS=--help has more
	@PYTHONPATH=lib:operator:local/cluster:local/guacamole:images/blender:tests .venv/bin/python -m bench $(OPTIONS)

lint: .venv/dev ## Check format, rules, types and the direction of imports
	@.venv/bin/ruff format --check $(CHECKED)
	@.venv/bin/ruff check $(CHECKED)
	@.venv/bin/mypy
	@PYTHONPATH=lib:operator:cli:portal .venv/bin/lint-imports
	@PYTHONPATH=local/cluster .venv/bin/lint-imports --config local/cluster/pyproject.toml

format: .venv/dev ## Format the code and repair what can be repaired
	@.venv/bin/ruff format $(CHECKED)
	@.venv/bin/ruff check --fix $(CHECKED)

generate: .venv/dev ## Make the generated files again: the chart's CRDs, manifests/, the reference pages
	@.venv/bin/python manifests/render.py

COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: .venv/dev ## Lock the requirements again
	@$(COMPILE) --upgrade pyproject.toml --extra operator --output-file requirements/operator.txt
	@$(COMPILE) --upgrade pyproject.toml --extra portal --output-file requirements/portal.txt
	@$(COMPILE) --upgrade --group standin --output-file requirements/standin.txt
	@$(COMPILE) --upgrade --group client --output-file requirements/client.txt
	@$(COMPILE) --upgrade local/cluster/pyproject.toml --output-file requirements/localcluster.txt
	@$(COMPILE) --upgrade pyproject.toml local/cluster/pyproject.toml --extra operator --extra cli --extra portal --group dev \
		--output-file requirements/dev.txt

help: ## Print this
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@printf '  make %-12s %s\n' SUITE 'Run one suite of the tests: $(SUITES)'

.venv/localcluster: requirements/localcluster.txt local/bootstrap
	@PYTHON=$(PYTHON) local/bootstrap localcluster

.venv/dev: requirements/dev.txt local/bootstrap
	@PYTHON=$(PYTHON) local/bootstrap dev

.PHONY: demo status kubeconfig down images test cluster conformance bench lint format generate lock help $(SUITES)
