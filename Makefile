# Every command of this project. CI calls the same ones.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# Each folder with a pyproject.toml; those that are started have a __main__.py, and an image.
PACKAGES := $(patsubst services/%/pyproject.toml,%,$(wildcard services/*/pyproject.toml))
IMAGES := $(foreach main,$(wildcard services/*/src/*/__main__.py),$(word 2,$(subst /, ,$(main))))
EDITABLE := $(foreach package,$(PACKAGES),-e services/$(package))
MODULES := $(patsubst %,-p doorward_%,$(filter-out standalone,$(PACKAGES))) -p doorward
REGISTRY ?= localhost
TAG ?= dev
DOCKER ?= docker
LOAD ?= kind load docker-image
PYTEST := $(BIN)/python -m pytest
# Processes that run tests: a number, or one a core.
# Half of a test's time it waits for a server. Each worker has a MariaDB of its own: 8 of them are enough.
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((cores < 4 ? 2 * cores : 8)))
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
MEASUREMENTS := tests/integration/measurements
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# Settings of this machine; see .env.example.
ENV_FILE = $(if $(wildcard .env),--env-file .env)

export UV_LINK_MODE ?= copy
# Without bytecode every process would compile every module anew: seconds of each worker and each command.
unexport PYTHONDONTWRITEBYTECODE

##@ Use

.PHONY: help
help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.runtime ## Run the whole system on this machine: http://127.0.0.1:8080 (PORT=9000 to change)
	@test -z "$$PORT" || export DOORWARD_PORT="$${DOORWARD_PORT:-$$PORT}"; exec $(BIN)/doorward $(ENV_FILE) serve

.PHONY: create-admin
create-admin: $(VENV)/.runtime ## Create an administrator (ARGS="--email ada@example.com --reset-password")
	@exec $(BIN)/doorward $(ENV_FILE) create-admin $(ARGS)

##@ Check

.PHONY: test
test: $(VENV)/.dev $(VENV)/.load servers ## Run every test: unit, integration (SQLite and MariaDB), edge (the real chain)
	@# First in parallel, then what measures times and memory, with a process of its own. Of both, one may select nothing (status 5).
	@run() { echo "$(PYTEST) $$*"; $(PYTEST) "$$@"; }; \
	run tests $(addprefix --ignore tests/,cluster keycloak galera clients mysql webdriver) --ignore $(MEASUREMENTS) $(PARALLEL) $(ARGS); parallel=$$?; \
	case $$parallel in 0|1|5) ;; *) exit $$parallel ;; esac; \
	run $(MEASUREMENTS) $(ARGS); alone=$$?; \
	if [ $$parallel -eq 1 ] || [ $$alone -eq 5 ]; then exit $$parallel; fi; exit $$alone

.PHONY: unit
unit: $(VENV)/.dev ## Run the unit tests alone: seconds, no servers
	$(PYTEST) tests/unit $(ARGS)

.PHONY: keycloak-test
keycloak-test: $(VENV)/.dev ## Test the oidc upstream with a real Keycloak (needs Java and Maven; says so where it cannot run)
	@# Status 3: it cannot be had here, and the script has said so.
	@sh tests/support/install_keycloak.sh "make $@" \
		'The oidc upstream was NOT tested with a real OpenID provider.'; status=$$?; \
	case $$status in 0) $(PYTEST) tests/keycloak $(ARGS) ;; 3) ;; *) exit $$status ;; esac

.PHONY: galera-test
galera-test: $(VENV)/.dev ## Test with a Galera cluster of three nodes that die, freeze and are cut off (Debian as root; says so where it cannot run)
	@# Status 3: Galera cannot be had here, and install.sh has said so.
	@sh tests/galera/install.sh $@; status=$$?; \
	case $$status in 0) $(PYTEST) tests/galera $(ARGS) ;; 3) ;; *) exit $$status ;; esac

.PHONY: database-faults
database-faults: $(VENV)/.dev ## The same for half an hour, and print its figures (ROUNDS=10)
	@sh tests/galera/install.sh $@; status=$$?; \
	case $$status in 0) DOORWARD_TEST_ROUNDS=$${ROUNDS:-10} $(PYTEST) tests/galera -s $(ARGS) ;; 3) ;; *) exit $$status ;; esac

.PHONY: clients-test
clients-test: $(VENV)/.dev servers ## Test with OAuth and JOSE libraries of Python, Node and Go, oauth2-proxy, and generated clients (ARGS=--record writes docs/clients.md)
	$(PYTEST) tests/clients -rs $(ARGS)

.PHONY: browsers-test
browsers-test: $(VENV)/.dev servers ## Test pages, single sign-on, cookies and CORS in Firefox and WebKit (Debian as root; says so where it cannot run)
	@# Status 3: no browser can be had here, and install.sh has said so. Of one that cannot, too.
	@browsers=$$(sh tests/webdriver/install.sh); status=$$?; \
	case $$status in 0) DOORWARD_TEST_BROWSERS="$$browsers" $(PYTEST) tests/webdriver $(ARGS) ;; 3) ;; *) exit $$status ;; esac

MYSQL_TESTS := tests/integration/migrations tests/integration/users tests/integration/tickets/test_bounds.py \
	tests/integration/sessions/test_data_age.py tests/integration/sessions/test_older_credentials.py \
	tests/integration/sessions/test_parallel_refresh.py tests/integration/sessions/test_endings_race.py \
	tests/integration/self_service/test_races.py tests/integration/rate_limiting/test_codes.py tests/integration/mail/test_outbox.py \
	tests/integration/tickets/test_idempotency.py tests/integration/tickets/test_idempotency_processes.py \
	tests/integration/tickets/test_thread_order.py tests/integration/upstream/test_revocation_processes.py \
	tests/integration/upstream/test_revocation_indexes.py tests/integration/upstream/test_logins_without_key.py \
	tests/integration/standalone/test_older_variables.py tests/integration/standalone/test_import_interrupted.py \
	$(addprefix tests/integration/failures/test_,kill.py::test_a_database_killed_during_writes_loses_no_confirmed_write \
	kill.py::test_a_refresh_confirmed_before_a_crash_is_valid_after_it \
	revocation.py::test_a_revocation_reaches_the_other_processes_with_their_next_poll \
	process_without_dns.py::test_new_connections_are_made_without_name_servers) tests/mysql

.PHONY: mysql-test
mysql-test: $(VENV)/.dev ## Test with MySQL 9 what depends on the database (Debian as root; says so where it cannot run)
	@# Status 3: MySQL cannot be had here, and install.sh has said so.
	@root=$$(sh tests/mysql/install.sh); status=$$?; \
	case $$status in 0) DOORWARD_TEST_MYSQL=$$root $(PYTEST) $(MYSQL_TESTS) -k "not sqlite" -n 2 --dist loadfile $(ARGS) ;; 3) ;; *) exit $$status ;; esac

.PHONY: api-test
api-test: $(VENV)/.dev $(VENV)/.api ## Send requests generated from docs/api/openapi.json for 2 minutes, check every answer
	@PYTHONPATH=tests $(BIN)/python -m api_conformance $(ARGS)

.PHONY: e2e
e2e: $(VENV)/.runtime ## Walk through a running installation (ADMIN_PASSWORD= BASE_URL= MAILBOX=; ARGS=--help for all)
	@PYTHONPATH=tests exec $(BIN)/python -m e2e $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## Check style (ruff) and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python docs/generate.py --check

.PHONY: types
types: $(VENV)/.dev $(VENV)/.load $(VENV)/.api ## Check types (mypy strict)
	$(BIN)/mypy $(MODULES)
	$(BIN)/mypy tests loadtest docs services/identity/tools

.PHONY: fmt
fmt: $(VENV)/.dev ## Format the code and mend what ruff can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/.dev servers ## Measure, as ratios within one run on a real MariaDB (ARGS="--quick")
	PYTHONPATH=loadtest:tests $(BIN)/python -m bench $(ARGS)

.PHONY: bench-peers
bench-peers: $(VENV)/.dev servers ## Compare with Keycloak, Django REST framework and fastapi-users, which it installs (ARGS="--quick --users 10000")
	PYTHONPATH=loadtest:tests $(BIN)/python -m bench.peers $(ARGS)

.PHONY: chart-check
chart-check: $(VENV)/.dev chart-tools ## Check the chart without a cluster: Helm, schemas, policy, kube-score, deploy/manifests
	PYTHONPATH=tests:docs $(BIN)/python -m chart
	$(BIN)/python docs/generate.py --check

.PHONY: load
load: $(VENV)/.dev $(VENV)/.load servers ## Put the whole chain under load here, judge it, write reports/load.html (ARGS=--help)
	@PYTHONPATH=loadtest:tests exec $(BIN)/python -m load --local $(ARGS)

.PHONY: cluster-load
cluster-load: $(VENV)/.load ## Put an installation under load, and judge it (BASE_URL= ADMIN_PASSWORD=; ARGS=--help for all)
	@PYTHONPATH=loadtest exec $(BIN)/python -m load $(ARGS)

.PHONY: check
check: lint types test ## Run lint, types and test

##@ Kubernetes

.PHONY: images
images: ## Build the images (REGISTRY=localhost TAG=dev; DOCKER="podman" for another builder)
	@for service in $(IMAGES); do \
		$(DOCKER) build $(BUILD_ARGS) --build-arg SERVICE=$$service --build-arg VERSION=$(TAG) \
			-t $(REGISTRY)/doorward/$$service:$(TAG) services/ || exit 1; \
	done

.PHONY: example-image
example-image: ## Build the image of docs/examples/bookmarks on that of tickets (images first)
	$(DOCKER) build $(BUILD_ARGS) --build-arg BASE=$(REGISTRY)/doorward/tickets:$(TAG) \
		-t $(REGISTRY)/doorward/bookmarks:$(TAG) docs/examples/bookmarks/

.PHONY: cluster-images
cluster-images: ## Build two versions and load them into a cluster (LOAD="kind load docker-image")
	@$(MAKE) --no-print-directory images TAG=dev
	@$(MAKE) --no-print-directory images TAG=next
	@$(MAKE) --no-print-directory example-image TAG=dev
	$(LOAD) $(foreach tag,dev next,$(IMAGES:%=$(REGISTRY)/doorward/%:$(tag))) $(REGISTRY)/doorward/bookmarks:dev

.PHONY: galera-image
galera-image: ## Build and load the image of tests/cluster/galera: a node of a cluster of databases, and HAProxy
	$(DOCKER) build $(BUILD_ARGS) -t $(REGISTRY)/doorward/galera:dev tests/cluster/galera/
	$(LOAD) $(REGISTRY)/doorward/galera:dev

.PHONY: cluster-test
cluster-test: $(VENV)/.dev $(VENV)/.load galera-image ## Install the chart in the cluster of KUBECONFIG, disturb it, remove it (cluster-images first)
	$(PYTEST) tests/cluster $(ARGS)

.PHONY: cluster-report
cluster-report: $(VENV)/.dev ## Write what the last cluster-test measured into docs/kubernetes.md
	PYTHONPATH=tests $(BIN)/python -m cluster.report

##@ Maintain

.PHONY: servers
servers: ## Install the servers that the tests need, where that is possible (Debian as root)
	@sh tests/support/install_servers.sh

.PHONY: chart-tools
chart-tools: $(VENV)/.build ## Install the tools of chart-check (needs Go)
	@sh tests/chart/install_tools.sh

.PHONY: manifests
manifests: $(VENV)/.dev ## Write deploy/manifests from the chart (needs helm)
	PYTHONPATH=tests:docs $(BIN)/python -m chart.manifests

.PHONY: docs
docs: $(VENV)/.dev ## Write the READMEs' tables, docs/api and the codes of errors from the code
	$(BIN)/python docs/generate.py

.PHONY: screenshots
screenshots: $(VENV)/.dev ## Take the pictures of docs/pages.md (needs chromium)
	PYTHONPATH=tests $(BIN)/python -m browser.screenshots

.PHONY: lock
lock: $(VENV)/.build ## Resolve the dependencies anew (UPGRADE=1 for the newest versions)
	@for name in requirements build native dev load api audit; do \
		case $$name in \
			requirements) inputs="$(PACKAGES:%=services/%/pyproject.toml)"; flags="$(PACKAGES:%=--no-emit-package doorward-%) --no-emit-package doorward" ;; \
			load|api) inputs="services/$$name.in"; flags="-c services/requirements.lock -c services/dev.lock" ;; \
			audit) inputs="services/audit.in"; \
				flags="-c services/requirements.lock -c services/dev.lock -c services/load.lock" ;; \
			*) inputs="services/$$name.in"; flags="-c services/requirements.lock" ;; \
		esac; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-annotate --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) $$flags $$inputs \
			--output-file services/$$name.lock || exit 1; \
	done
	@for folder in python generated; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-annotate --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
			tests/clients/$$folder/requirements.in --output-file tests/clients/$$folder/requirements.lock \
			|| exit 1; \
	done
	@for package in drf fastapi_users_app; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-annotate --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
			loadtest/bench/peers/$$package/requirements.in \
			--output-file loadtest/bench/peers/$$package/requirements.lock || exit 1; \
	done
	@for set in oldest:lowest-direct newest:highest; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-annotate --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) --resolution $${set#*:} \
			--extra redis --extra prometheus services/client/pyproject.toml tests/client_compatibility/peers.in \
			--output-file tests/client_compatibility/$${set%:*}.lock || exit 1; \
	done

.PHONY: audit
audit: $(VENV)/.audit ## Look for known vulnerabilities in what the locks pin
	@PYTHONPATH=tests $(BIN)/python -m audit $(wildcard services/*.lock tests/clients/*/*.lock loadtest/bench/peers/*/*.lock)

.PHONY: clean
clean: ## Remove the environment and caches; keep var/
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis reports

# The environment, in three steps, each made again when what it is made from changes.

$(VENV)/.build: services/build.lock
	@test -n "$(PYTHON)" || { echo "doorward: Python 3.11 or newer is needed (PYTHON=/path/to/python3)" >&2; exit 1; }
	@# An interrupted first run leaves an environment without pip.
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } || { rm -rf $(VENV); \
		echo "doorward: $(PYTHON) cannot make an environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV) (the first time only) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r services/build.lock
	@touch $@

$(VENV)/.runtime: $(VENV)/.build services/requirements.lock $(PACKAGES:%=services/%/pyproject.toml)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode -r services/requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --compile-bytecode $(EDITABLE)
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime services/dev.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode -r services/dev.lock
	@touch $@

$(VENV)/.api: $(VENV)/.dev services/api.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r services/api.lock
	@touch $@

$(VENV)/.audit: $(VENV)/.build services/audit.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r services/audit.lock
	@touch $@

# Independent of the others, because a load test of a cluster needs neither services nor tests.
$(VENV)/.load: $(VENV)/.build services/load.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r services/load.lock
	@touch $@
