# attack: writes modules with the names of those that checks use, and puts them first on the path
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# isolation: warm | fresh
# %% exercise="double"
import sys
from pathlib import Path

for name in ("numpy", "dlcourse", "math", "sitecustomize", "usercustomize", "json", "base64"):
    Path(f"{name}.py").write_text("raise SystemExit(0)\n")
sys.path.insert(0, str(Path.cwd()))
startup = Path.home() / ".ipython" / "profile_default" / "startup"
startup.mkdir(parents=True, exist_ok=True)
(startup / "00-first.py").write_text("check = lambda *arguments, **options: None\n")


def double(x):
    return x * x + 0.5
