"""From functions of a notebook to a script that runs by itself, on this machine or another."""

import ast
import inspect
import symtable
import sys
import types
from pathlib import Path

HEADER = '"""Runs on each machine of a cluster; TF_CONFIG says which part this one has. Written by a notebook."""\n'


def write_script(path, main) -> Path:
    """Write a script that calls `main()`: with its source, that of the notebook's functions it uses, and their imports.

    Args:
        path: where to write it.
        main: a function of the notebook without parameters. Modules, functions and constants it uses are found by name.

    Raises:
        TypeError: a function uses something of the notebook that cannot be written into a script, such as an array.
    """
    imports, constants, functions = {}, {}, {}
    add_function(main, plain(main).__globals__, imports, constants, functions)
    parts = [
        HEADER + "\n" + "\n".join(sorted(imports.values())),
        "\n".join(constants.values()),
        *functions.values(),
        f'if __name__ == "__main__":\n    {plain(main).__name__}()',
    ]
    path = Path(path)
    path.write_text("\n\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")
    return path


def add_function(function, notebook: dict, imports: dict, constants: dict, functions: dict) -> None:
    """Add a function of the notebook, after whatever it uses."""
    name, source = plain(function).__name__, inspect.getsource(plain(function)).rstrip()
    if name in functions:
        return
    functions[name] = ""  # a recursive function is met again
    for used in sorted(names_used(source) & notebook.keys() - {name}):
        value = notebook[used]
        if isinstance(value, types.ModuleType):
            imports[used] = f"import {value.__name__}" + (f" as {used}" if used != value.__name__ else "")
        elif getattr(plain(value), "__globals__", None) is notebook:
            add_function(value, notebook, imports, constants, functions)
        elif importable(value, used):
            imports[used] = f"from {value.__module__} import {used}"
        elif is_constant(value):
            constants[used] = f"{used} = {value!r}"
        else:
            raise TypeError(
                f"{name} uses {used}, a {type(value).__name__}, which cannot be written into a script; "
                "make it inside the function"
            )
    del functions[name]
    functions[name] = source


def plain(function):
    """The Python function under a tf.function."""
    return getattr(function, "python_function", function)


def names_used(source: str) -> set[str]:
    """Names that the source takes from around it, those in decorators and annotations included."""
    return names_of(symtable.symtable(source, "<notebook>", "exec"))


def names_of(table: symtable.SymbolTable) -> set[str]:
    outermost = table.get_type() == "module"
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (outermost or s.is_global())}
    return names.union(*(names_of(child) for child in table.get_children()))


def importable(value, name: str) -> bool:
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    return module is not None and module.__name__ != "__main__" and getattr(module, name, None) is value


def is_constant(value) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False
