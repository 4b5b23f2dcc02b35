"""What a notebook builds and the library repeats must agree: tests of both side by side."""

import ast
import symtable
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from autograder.build import solved_notebook


@pytest.fixture
def definitions(course) -> Callable[..., SimpleNamespace]:
    """`definitions("week04/04_augmentation", "translate")` gives what that notebook calls `translate`.

    Its imports are executed, and the definitions that the asked ones need, in the notebook's order; nothing else.
    """

    def get(notebook_id: str, *names: str) -> SimpleNamespace:
        statements = [statement for statement in code(notebook_id) if defined(statement)]
        known = {name for statement in statements for name in defined(statement)}
        assert set(names) <= known, f"{notebook_id} does not define {sorted(set(names) - known)}"
        wanted, kept = set(names), []
        for statement in reversed(statements):
            imports = isinstance(statement, ast.Import | ast.ImportFrom)
            if imports or defined(statement) & wanted:
                kept.insert(0, statement)
                wanted |= used(statement) & known
        namespace: dict = {}
        exec(compile(ast.Module(kept, []), notebook_id, "exec"), namespace)
        return SimpleNamespace(**{name: namespace[name] for name in names})

    def code(notebook_id: str) -> list[ast.stmt]:
        notebook = next(one for one in course.all_notebooks() if one.id == notebook_id)
        statements = []
        for cell in solved_notebook(notebook, course).cells:
            if cell.cell_type == "code":
                is_setup = "dlcourse.setup(" in cell.source
                body = ast.parse(cell.source).body
                statements += [one for one in body if not is_setup or isinstance(one, ast.Import | ast.ImportFrom)]
        return statements

    return get


def defined(statement: ast.stmt) -> set[str]:
    table = symtable.symtable(ast.unparse(statement), "statement", "exec")
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


def used(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
