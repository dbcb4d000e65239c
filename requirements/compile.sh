#!/bin/sh
# Writes the lock files: exact versions of everything that pyproject.toml asks for, and nothing about where
# they come from. `make lock` calls it; UPGRADE=1 takes the newest versions that are allowed.
set -eu

cd "$(dirname "$0")/.."
python=${1:?usage: compile.sh PYTHON}

compile() {
    "$python" -m piptools compile --quiet --no-header --strip-extras --annotation-style=line \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
        --constraint requirements/constraints.txt ${UPGRADE:+--upgrade} "$@"
}

# Requirement lines of tables of pyproject.toml (`lines build-system.requires`), our own extras left out.
lines() {
    "$python" - "$@" <<'END'
import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))
for table in sys.argv[1:]:
    node = project
    for key in table.split("."):
        node = node[key]
    print(*(line for line in node if not line.startswith("ingestkit-pdf[")), sep="\n")
END
}

# hatchling asks for `editables` only once it is told to install in editable mode.
{ lines build-system.requires; echo editables; } | compile --output-file requirements/build.txt -
extras=project.optional-dependencies
lines project.dependencies $extras.pdf $extras.ocr $extras.daemon $extras.secrets $extras.yaml |
    compile --output-file requirements/runtime.txt -
# What the daemon can do without, each to be installed on top.
lines $extras.otel | compile --constraint requirements/runtime.txt --output-file requirements/otel.txt -
lines $extras.tokenizer |
    compile --constraint requirements/runtime.txt --constraint requirements/otel.txt \
        --output-file requirements/tokenizer.txt -
lines dependency-groups.dev $extras.otel $extras.tokenizer |
    compile --constraint requirements/runtime.txt --constraint requirements/otel.txt \
        --constraint requirements/tokenizer.txt --output-file requirements/dev.txt -
lines dependency-groups.bench |
    compile --constraint requirements/runtime.txt --output-file requirements/bench.txt -
sed -i 's/# via -r -/# via pyproject.toml/; s/, -r -/, pyproject.toml/' requirements/*.txt
