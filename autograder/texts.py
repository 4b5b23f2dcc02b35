"""What the text of a cell tells: the names it defines and needs, and how like another text it is.

The text may be anybody's: the time that all of this takes grows with its length and no faster.
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

PARSED = 50_000  # characters; a longer text is searched for definitions, not parsed
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
OWN_SCOPE = ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Names:
    """Names in a cell of code."""

    functions: frozenset[str] = frozenset()  # functions and classes that it defines at its top
    defined: frozenset[str] = frozenset()  # all that it defines at its top, in whatever way
    needed: frozenset[str] = frozenset()  # all that it uses, but for its own functions and classes


@dataclass(frozen=True)
class Words:
    """A text as a bag of its words and of its pairs of neighbouring words."""

    counts: Counter
    total: int


def parsed(text: str) -> ast.Module | None:
    """The text as Python, or None when it is not, or is too long."""
    if len(text) > PARSED:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def names_in(text: str) -> Names:
    """The names in a text; in one that is not Python (a magic, a mistake), the definitions that stand in it."""
    tree = parsed(text)
    if tree is None:
        functions = frozenset(re.findall(r"^(?:async +)?(?:def|class) +(\w+)", text, flags=re.MULTILINE))
        return Names(functions, functions)
    functions = frozenset(node.name for node in tree.body if isinstance(node, DEFINITIONS))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return Names(functions, frozenset(defined_in(tree)), frozenset(used) - functions)


def defined_in(tree: ast.Module) -> Iterator[str]:
    """The names that running a module defines."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, OWN_SCOPE):
            waiting.extend(ast.iter_child_nodes(node))


def words_in(text: str) -> Words:
    """The text's words and marks, and the pairs of them that stand side by side."""
    words = re.findall(r"\w+|[^\w\s]", text)
    counts = Counter(words)
    counts.update(zip(words, words[1:], strict=False))
    return Words(counts, max(2 * len(words) - 1, 0))


def likeness(first: Words, second: Words) -> float:
    """Share of the words and pairs that two texts have in common, from 0 to 1."""
    few, many = sorted([first.counts, second.counts], key=len)
    shared = sum(min(count, many[item]) for item, count in few.items() if item in many)
    return 2 * shared / max(first.total + second.total, 1)


# The course's own texts are the same for every submission.
course_names = lru_cache(maxsize=2048)(names_in)
course_words = lru_cache(maxsize=2048)(words_in)
