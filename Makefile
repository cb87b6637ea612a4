# Every task of the project; `make help` lists them by who uses them.
SHELL := /bin/sh
FITS := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
# With the status 127 of a last name that is missing, make would drop what was found.
PYTHON ?= $(firstword $(shell for p in python3.12 python3.11 python3.13 python3 python; do \
	$$p $(FITS) && echo $$p; done; true))
# Only to say what was found, if none fits.
OTHER = $(shell p=$$(command -v python3 || command -v python) && echo "$$p is $$($$p --version 2>&1)")
BIN := .venv/bin
# Two sets of packages, locked together: one to run, one to train, test and deploy, which has all of
# the first. Whoever has the second needs no other.
EVERYTHING := .venv/.full
RUN := $(if $(wildcard $(EVERYTHING)),$(EVERYTHING),.venv/.run)
UI := $(if $(wildcard $(EVERYTHING)),$(EVERYTHING),.venv/.ui)
YAMNET ?= https://tfhub.dev/google/yamnet/1
# Where data sets lie and models go, by default.
DATA ?= $(or $(SESA),data/sesa)/train
OPEN_AUDIO ?= data/open-audio
EVERYDAY_AUDIO ?= data/everyday-audio
HELD_OUT_AUDIO ?= data/held-out-audio
OUT ?= models/v2
# A version is a folder, or the name of one in models/.
MODEL_FOLDER = $(if $(MODEL),$(if $(wildcard $(MODEL)/manifest.json),$(MODEL),models/$(MODEL)),models/v1)
SERVED = $(if $(MODEL),--model "$(MODEL_FOLDER)")
# Keep TensorFlow's start-up remarks out of the way of what is being shown.
export TF_CPP_MIN_LOG_LEVEL ?= 2
export TF_ENABLE_ONEDNN_OPTS ?= 0

.DEFAULT_GOAL := help
.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z][a-z0-9-]*:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.run: requirements/run.txt pyproject.toml
.venv/.ui: ui/requirements.txt requirements/run.txt pyproject.toml | .venv/.run
$(EVERYTHING): requirements/dev.txt pyproject.toml
.venv/.run .venv/.ui $(EVERYTHING):
	@python="$(PYTHON)"; need="Python 3.11, 3.12 or 3.13 is needed, and"; \
	[ -n "$$python" ] || { other="$(OTHER)"; if [ -n "$$other" ]; \
		then echo "$$need $$other; name another by PYTHON=path make …"; \
		else echo "$$need none is on the PATH; name one by PYTHON=path make …"; fi; exit 1; }; \
	$$python $(FITS) || { echo "$$need $$python is none of them."; exit 1; }; \
	$$python -m local.environment $(@:.venv/.%=%)

##@ Try it, and run it on this machine

.PHONY: demo
demo: $(RUN) ## Classify clips end to end, and see an alert arrive (WAV=file-or-folder, MODEL=version)
	@$(BIN)/python -m local.demos.classify $(if $(WAV),"$(WAV)") $(SERVED)

.PHONY: up
up: $(RUN) ## Start the local stack (PORT=4566; MODEL=version; TOKENS=on has its HTTP API ask for tokens; STATE=off keeps nothing)
	@$(BIN)/python -m local.up $(SERVED)

.PHONY: ui
ui: $(UI) ## Start the web interface on the local stack (UI_PORT=8501; SIGN_IN=on; or EARSHOT_API_URL=address)
	@$(BIN)/python -m local.ui

.PHONY: listen
listen: $(RUN) ## Send this machine's microphone to the local stack (STREAM=address, device or file; ARGS=options)
	@$(BIN)/python -m local.listen $(if $(STREAM),"$(STREAM)") $(ARGS)

.PHONY: token
token: $(RUN) ## Print a token for the local stack's HTTP API (SCOPE="predict read", or GROUP=trainer for a person's)
	@$(BIN)/python -m local.token $(SCOPE) $(if $(GROUP),--group $(GROUP))

.PHONY: logs
logs: $(RUN) ## Show the logs of the local stack's functions (FOLLOW=1 to wait for more)
	@$(BIN)/python -m local.logs $(if $(FOLLOW),--follow)

.PHONY: sweep
sweep: $(RUN) ## Queue uploads without a result on the local stack again (MINUTES=25 HOURS=3: their age), or WATCH=1 its sources
	@$(BIN)/python -m local.sweep $(if $(WATCH),--watch) --min-age-minutes "$(or $(MINUTES),25)" --max-age-hours "$(or $(HOURS),3)"

.PHONY: down
down: $(RUN) ## Stop the local stack (FORGET=1 deletes what it holds, too)
	@$(BIN)/python -m local.down $(if $(FORGET),--forget)

.PHONY: alerts
alerts: $(RUN) ## Show the local stack's alerts on this machine as they come, with links to their sound
	@$(BIN)/python -m local.alerts

.PHONY: listen-demo
listen-demo: $(RUN) ## Ten minutes of a night at a microphone: alerts, a cut network, a dead stream (MINUTES=0.5 for a short one; ffmpeg)
	@$(BIN)/python -m local.demos.listen $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: retrain-demo
retrain-demo: setup ## Retrain, be refused and roll back on a local stack (DATA=labeled WAVs, HELD_OUT=more of them)
	@$(BIN)/python -m local.demos.retrain $(if $(findstring command,$(origin DATA)),"$(DATA)") \
		$(if $(HELD_OUT),--held-out "$(HELD_OUT)")

.PHONY: teach-demo
teach-demo: setup ## Correct false alarms and retrain, on a local stack (DATA=folder of everyday sound)
	@$(BIN)/python -m local.demos.teach $(if $(findstring command,$(origin DATA)),"$(DATA)")

##@ Train and evaluate models

# oneDNN has the processor's own bfloat16 multiplications, if there are any.
.PHONY: train
train: setup ## Train a model (DATA=folder of labeled WAVs, OUT=models/v2, FOLDS=0 to 3 of a cross-validation, STEPS=batches; OPEN_AUDIO=, EVERYDAY_AUDIO=folder, YAMNET=handle-or-folder)
	@TF_ENABLE_ONEDNN_OPTS=1 $(BIN)/python -m training.train \
		--data "$(DATA)" --out "$(OUT)" --yamnet "$(YAMNET)" \
		$(if $(wildcard $(OPEN_AUDIO)/manifest.csv),--broadened "$(OPEN_AUDIO)") \
		$(if $(wildcard $(EVERYDAY_AUDIO)/manifest.csv),--everyday "$(EVERYDAY_AUDIO)") \
		--folds "$(or $(FOLDS),1)" $(if $(STEPS),--steps "$(STEPS)")

.PHONY: evaluate
evaluate: DATA = $(or $(SESA),data/sesa)/test
evaluate: setup ## Measure a model (DATA=folder, MODEL=version, AMBIENT=folder, FULL=1, OUT=folder, JSON=path, BASELINE=folder)
	@$(BIN)/python -m training.evaluate --data "$(DATA)" --model "$(MODEL_FOLDER)" \
		$(if $(AMBIENT),--ambient "$(AMBIENT)") $(if $(FULL),--full) \
		$(if $(findstring command,$(origin OUT)),--out "$(OUT)") \
		$(if $(JSON),--json "$(JSON)") $(if $(BASELINE),--baseline "$(BASELINE)")

.PHONY: release
release: DATA = $(or $(SESA),data/sesa)/test
release: setup ## Give a version the held-out clips it is released with (DATA=labeled WAVs, HELD_OUT_AUDIO=folder, MODEL=version)
	@$(BIN)/python -m training.release "$(MODEL_FOLDER)" --labeled "$(DATA)" --everyday "$(HELD_OUT_AUDIO)"

.PHONY: open-audio
open-audio: setup ## Fetch sounds of other microphones to train on (OPEN_AUDIO=data/open-audio; Debian only)
	@$(BIN)/python -m training.data.open_audio --out "$(OPEN_AUDIO)"

.PHONY: everyday-audio
everyday-audio: setup ## Fetch hours of everyday sound to train on (EVERYDAY_AUDIO=data/everyday-audio; Debian only)
	@$(BIN)/python -m training.data.open_audio --out "$(EVERYDAY_AUDIO)" \
		--sources training/data/open_audio/everyday.toml

.PHONY: held-out-audio
held-out-audio: setup ## Fetch everyday sound that is never trained on (HELD_OUT_AUDIO=data/held-out-audio; Debian only)
	@$(BIN)/python -m training.data.open_audio --out "$(HELD_OUT_AUDIO)" \
		--sources training/data/open_audio/held_out.toml

.PHONY: left-out-source
left-out-source: setup ## Leave SESA or OPEN_AUDIO out of training, and evaluate on it (DATA=labeled WAVs, OPEN_AUDIO=folder, YAMNET=handle-or-folder)
	@TF_ENABLE_ONEDNN_OPTS=1 $(BIN)/python -m training.evaluation.left_out_source \
		--data "$(DATA)" --yamnet "$(YAMNET)" --broadened "$(OPEN_AUDIO)"

.PHONY: mute-distance
mute-distance: setup ## Measure how alike sounds have to be that are muted (AMBIENT=folder, THREATS="folder folder")
	@$(BIN)/python -m training.evaluation.mute_distance --ambient $(AMBIENT) --threats $(THREATS)

.PHONY: correction-trials
correction-trials: setup ## Measure what a retraining learns of corrected false alarms (AMBIENT=folder, LABELED="folder folder", TRIALS=6, CORRECTED=5)
	@$(BIN)/python -m training.evaluation.correction_trials --ambient $(AMBIENT) --labeled $(LABELED) \
		$(if $(TRIALS),--trials $(TRIALS)) $(if $(CORRECTED),--corrected $(CORRECTED))

.PHONY: notebook
notebook: setup ## Run the notebook and write it as a page (DATA=labeled WAVs, AMBIENT=folder)
	@mkdir -p .local
	@EARSHOT_DATA="$(if $(findstring command,$(origin DATA)),$$(realpath "$(DATA)"))" \
		EARSHOT_AMBIENT="$(if $(AMBIENT),$$(realpath "$(AMBIENT)"))" $(BIN)/python -m nbconvert \
		--to html --execute --ExecutePreprocessor.timeout=3600 --log-level WARN \
		--output-dir .local --output notebook training/notebooks/learning.ipynb
	@echo "Open .local/notebook.html in a browser."

.PHONY: yamnet
yamnet: setup ## Fetch the published YAMNet, and convert it with the trained blocks anew (YAMNET=handle-or-folder)
	@$(BIN)/python -m training.yamnet --source "$(YAMNET)"

##@ Deploy

.PHONY: dist
dist: setup ## Build wheel and source distribution into dist/, and check them
	@rm -rf dist
	@$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist .
	@$(BIN)/python -m twine check --strict dist/earshot-*

.PHONY: release-check
release-check: dist ## Install wheel and source distribution in clean environments and run them; is the changelog complete?
	@$(BIN)/python -m local.release_check

# Both images, unless one is named: make image IMAGES=classify
IMAGES ?= classify training

.PHONY: image
image: setup ## Build the images, with docker or podman (IMAGES=classify, ARCH=arm64, BASE=another base)
	@$(BIN)/python -m local.images build $(IMAGES)

.PHONY: image-test
image-test: image ## Run the images as Lambda would, and compare with their handlers outside (IMAGES=classify)
	@$(BIN)/python -m local.images test $(IMAGES)

.PHONY: base-image
base-image: setup ## Check that the Dockerfiles name the digest of the base image's tag (PIN=1 writes it)
	@$(BIN)/python -m local.images.base $(if $(PIN),--pin)

.PHONY: sbom
sbom: .venv-security/.ready ## List what each function and the web interface ship, as CycloneDX, in .sbom/
	@mkdir -p .sbom
	@for part in functions/alert functions/api functions/archive functions/classify functions/retraining functions/sweep training ui; do \
		.venv-security/bin/cyclonedx-py requirements --output-reproducible --of JSON \
			-o ".sbom/$$(basename $$part).json" "$$part/requirements.txt" || exit 1; done
	@ls -l .sbom

##@ Work on Earshot

.PHONY: setup
setup: $(EVERYTHING) ## Install what training, tests and deployment need, with TensorFlow

# In the order of testpaths: files of few but long tests, which xdist would leave to the end, come first.
SHARED = --dist loadfile --no-loadscope-reorder
.PHONY: test
test: setup ## Run the tests but the longest, and name the ten slowest (JOBS=3 processes; ARGS= of pytest)
	@$(BIN)/python -m pytest -n $(or $(JOBS),3) -m "not long" $(SHARED) --durations=10 $(ARGS)

.PHONY: test-long
test-long: setup ## Run the longest tests: networks that are trained, faults, most journeys in a browser (JOBS=3; ARGS= of pytest)
	@$(BIN)/python -m pytest -n $(or $(JOBS),3) -m long $(SHARED) $(ARGS)

.PHONY: test-unit
test-unit: setup ## Run the unit tests: no network, no stack (ARGS= of pytest)
	@$(BIN)/python -m pytest tests/unit $(ARGS)

.PHONY: test-e2e
test-e2e: setup ## Drive the web interface in a headless Chromium (CHROMIUM=path, ARGS= of pytest)
	@BROWSER_REQUIRED=1 $(BIN)/python -m pytest tests/e2e $(ARGS)

.PHONY: test-performance
test-performance: setup ## Check that `make bench` and `make load` run; a few minutes (ARGS= of pytest)
	@$(BIN)/python -m pytest tests/performance $(ARGS)

.PHONY: coverage
coverage: setup ## Run the unit tests and show which lines and branches none of them reaches (ARGS= of pytest)
	@$(BIN)/python -m pytest tests/unit --cov --cov-report=term-missing:skip-covered $(ARGS)

.PHONY: lint
lint: setup ## Check style, types, imports between rooms, and template
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=functions/alert:functions/api:functions/archive:functions/classify:functions/retraining:functions/sweep:functions/training \
		$(BIN)/lint-imports --no-cache
	@$(BIN)/cfn-lint template.yaml infrastructure/ui.yaml
	@$(BIN)/zizmor --quiet --offline --no-progress --pedantic .github/workflows
	@SAM_CLI_TELEMETRY=0 $(BIN)/sam validate --lint --region us-east-1

.PHONY: format
format: setup ## Format the code
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

.venv-%/.ready: requirements/%.txt | $(EVERYTHING)
	@[ -x .venv-$*/bin/python ] || $(PYTHON) -m venv .venv-$*
	@VIRTUAL_ENV=.venv-$* $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

# Not searched: lists of digests, and samples of events, which have made-up tokens and ids. Known: the
# key of a temporary user of the local stack in examples, and passwords of tests.
SECRETS := git ls-files -z -- ':!models' ':!events' ':!requirements' ':!*/requirements.txt' \
	':!training/data/open_audio/*.toml'
KNOWN_SECRETS := ^(test|password|secret|none|bench|true|false|the-users-own-secret|AKIAUSERSOWNKEY|ASIA[0-9A-F]{16})$$

# What is not deployed is checked by ruff's rules of bandit alone.
.PHONY: security
security: .venv-security/.ready .venv-secrets/.ready ## Check template, code and files for weaknesses and secrets; docs/security.md
	@.venv-security/bin/checkov --config-file infrastructure/checkov.yaml
	@.venv-security/bin/bandit --quiet --recursive layers functions client ui
	@$(SECRETS) | xargs -0 .venv-secrets/bin/detect-secrets-hook --no-verify \
		--disable-plugin HexHighEntropyString --exclude-secrets '$(KNOWN_SECRETS)'

.fuzz/lib/.ready: requirements/fuzz.txt | $(EVERYTHING)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .fuzz/lib --no-deps --require-hashes -r requirements/fuzz.txt
	@touch $@

# libmpg123 writes what it makes of damaged MP3s to standard error, thousands of lines.
.PHONY: fuzz
fuzz: setup .fuzz/lib/.ready ## Mutate recordings for a while, until one makes a fault (TIME=60, in seconds; RUNS=files, from a fixed seed; Linux)
	@PYTHONPATH=.fuzz/lib $(BIN)/python -m tests.fuzz --time "$(or $(TIME),60)" \
		$(if $(RUNS),--runs "$(RUNS)" --seed 1) 2> .fuzz/log \
		|| { tail -40 .fuzz/log; exit 1; }
	@grep "^stat::" .fuzz/log

.PHONY: openapi
openapi: $(RUN) ## Write docs/openapi.json anew, and the copy that the API routes by
	@PYTHONPATH=functions/api $(BIN)/python -m earshot_api > docs/openapi.json

.PHONY: api-examples
api-examples: setup ## Write the outputs of the commands in docs/api.md and the README anew (curl, jq)
	@$(BIN)/python -m local.api_examples

.PHONY: screenshots
screenshots: setup ## Make pictures of each page of the web interface anew (CHROMIUM=path)
	@$(BIN)/python -m tests.e2e.screenshots

.PHONY: lock
lock: setup ## Lock all requirements anew, with hashes
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh requirements/lock.sh

.PHONY: clean
clean: ## Remove what was set up and built
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m local.down
	@rm -rf .venv .venv-security .venv-secrets .sbom .fuzz .local .aws-sam .coverage

##@ Measure

.PHONY: bench
bench: setup ## Measure speed beside a TensorFlow reference (ONLY="cold_start first_minute", REPORT_JSON=bench/report.json)
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(REPORT_JSON),--out "$(REPORT_JSON)")

.PHONY: load
load: setup ## Load a local stack with users and a burst (USERS=500 TIME=60s OBJECTS=2000, LOAD_JSON=bench/load.json)
	@$(BIN)/python -m tests.load --users "$(or $(USERS),500)" --time "$(or $(TIME),60s)" \
		--objects "$(or $(OBJECTS),2000)" $(if $(LOAD_JSON),--out "$(LOAD_JSON)")

.PHONY: chaos
chaos: setup ## Upload to a local stack while much of it fails (N=10000 SEED=0, CHAOS_JSON=bench/faults.json)
	@$(BIN)/python -m tests.chaos --n "$(or $(N),10000)" --seed "$(or $(SEED),0)" \
		$(if $(CHAOS_JSON),--out "$(CHAOS_JSON)")

.PHONY: archive-demo
archive-demo: setup ## Classify an archive on a local stack while workers are killed: what was lost (N=2000)
	@$(BIN)/python -m tests.archives --n "$(or $(N),2000)"

.PHONY: bench-images
bench-images: setup ## Measure the images' size and start, into bench/report.json, after make image (IMAGES=classify)
	@$(BIN)/python -m bench.images $(IMAGES)
