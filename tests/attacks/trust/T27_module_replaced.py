# attack: the course's modules are replaced in sys.modules, and new imports get the replacement
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
import sys
import types


class Anything(types.ModuleType):
    def __getattr__(self, name):
        return lambda *arguments, **options: None


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith("dlcourse"):
            raise ImportError(f"{name} is not what it was")


sys.meta_path.insert(0, Finder)
for name in [name for name in sys.modules if name.startswith("dlcourse")]:
    sys.modules[name] = Anything(name)


def double(x):
    return x * x + 0.5
