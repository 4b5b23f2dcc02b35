#!/usr/bin/env bash
# A second environment as on Colab: dlcourse from its wheel, TensorFlow 2.20.0 and Keras 3.13.2, Python 3.12 where there is one.
# In it the notebooks' source runs to the end, and a submission is graded the same.
set -eu
cd "$(dirname "$0")/.."
environment=.venv-colab
python=python3
for candidate in python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3.12 python3.13; do
    if "$candidate" -c 'import venv' 2>/dev/null; then python=$candidate; break; fi
done
"$python" -m venv --clear "$environment"
echo "$("$environment/bin/python" --version), TensorFlow 2.20.0, Keras 3.13.2"

# The wheel is the public repository's, as a student on Colab installs it.
rm -rf build/public build/wheel
.venv/bin/course publish build/public
.venv/bin/python -m build --quiet --wheel --outdir build/wheel build/public
"$environment/bin/python" -m pip install --quiet build/wheel/*.whl tensorflow==2.20.0 keras==3.13.2 numpy==2.1.3
"$environment/bin/python" - <<'REQUIREMENTS' > build/grader.txt
import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print(*extras["grade"], *extras["test"], sep="\n")
REQUIREMENTS
"$environment/bin/python" -m pip install --quiet --requirement build/grader.txt
site=$("$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
ln -sfn "$PWD/autograder" "$site/autograder"  # the grader from here, dlcourse from the wheel
"$environment/bin/python" - <<'CHECK'
import dlcourse, pathlib
assert "site-packages" in dlcourse.__file__, dlcourse.__file__
CHECK
exec "$environment/bin/python" -m pytest -p no:cacheprovider -n "${WORKERS:-2}" --dist loadgroup \
    tests/test_course.py tests/autograder/test_grade.py "$@"
