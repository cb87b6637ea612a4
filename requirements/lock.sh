#!/bin/sh
# Lock every requirements file, with hashes, for all platforms; run by `make lock`.
set -eu
cd "$(dirname "$0")/.."
lock() {
  uv pip compile --quiet --universal --generate-hashes --no-header \
    --override requirements/overrides.txt "$@"
}
lock --python-version 3.11 requirements/dev.in -o requirements/dev.txt
lock --python-version 3.11 -c requirements/dev.txt requirements/run.in -o requirements/run.txt
lock --python-version 3.11 requirements/security.in -o requirements/security.txt
lock --python-version 3.11 requirements/secrets.in -o requirements/secrets.txt
lock --python-version 3.11 requirements/fuzz.in -o requirements/fuzz.txt
# What is shipped runs on Lambda's Python 3.12, in the versions that are developed with.
for part in training functions/alert functions/api functions/archive functions/classify functions/retraining functions/sweep ui; do
  lock --python-version 3.12 -c requirements/dev.txt "$part/requirements.in" -o "$part/requirements.txt"
done
