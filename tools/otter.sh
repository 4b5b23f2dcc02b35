#!/usr/bin/env bash
# An environment with otter-grader, which `make bench` times beside nbgrader and our own grader.
# It sees the packages of .venv, so that all graders run the same TensorFlow, and keeps otter's own dependencies out of it.
set -eu
cd "$(dirname "$0")/.."
environment=.venv-otter
.venv/bin/python -m venv --clear "$environment"
site=$("$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
.venv/bin/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' > "$site/course.pth"
mkdir -p build
grep -v '^wrapt==' constraints.txt > build/otter_constraints.txt  # otter wants wrapt below 2
"$environment/bin/python" -m pip install --quiet otter-grader==7.0.0 --constraint build/otter_constraints.txt
TF_CPP_MIN_LOG_LEVEL=3 "$environment/bin/python" - <<'CHECK'
import dlcourse, otter, tensorflow
print(f"otter-grader {otter.__version__}, TensorFlow {tensorflow.__version__}")
CHECK
