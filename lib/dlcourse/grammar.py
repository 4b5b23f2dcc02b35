"""Sentences from a small grammar of English, each with its tree.

Every sentence has one tree only: what follows a relative clause belongs to the main verb, what follows reported speech
to the reported verb, and the word decides where "with" is attached: a beard to its bearer, a lamp to what is done with
it. So a parser has to look at words far from its decision.
"""

from dataclasses import dataclass

import numpy as np

# What a symbol becomes, each way with its weight. Symbols that are not here are word classes.
RULES: dict[str, list[tuple[float, tuple[str, ...]]]] = {
    "S": [(0.8, ("NP", "VP")), (0.2, ("PP_TIME", "NP", "VP"))],
    "NP": [
        (0.4, ("D", "N")),
        (0.2, ("D", "A", "N")),
        (0.15, ("NAME",)),
        (0.1, ("NP_BASE", "PP_PART")),
        (0.15, ("NP_BASE", "R")),
    ],
    "NP_BASE": [(0.5, ("D", "N")), (0.3, ("D", "A", "N")), (0.2, ("NAME",))],
    "VP": [
        (0.35, ("V", "NP")),
        (0.15, ("I",)),
        (0.2, ("VP_CORE", "PP_TOOL")),
        (0.15, ("VP_CORE", "PP_PLACE")),
        (0.15, ("SAY", "that", "S")),
    ],
    "VP_CORE": [(0.7, ("V", "NP")), (0.3, ("I",))],
    "R": [(0.4, ("that", "V", "NP")), (0.3, ("that", "I")), (0.3, ("that", "NP_BASE", "V"))],
    "PP_PART": [(1.0, ("with", "D", "PART"))],
    "PP_TOOL": [(1.0, ("with", "D", "TOOL"))],
    "PP_PLACE": [(1.0, ("P", "D", "PLACE"))],
    "PP_TIME": [(1.0, ("in", "D", "TIME"))],
}
WORDS = {
    "D": ("a", "the", "every", "this"),
    "A": ("small", "tall", "red", "happy", "hungry", "quiet"),
    "N": ("dog", "cat", "girl", "boy", "robot", "teacher", "bird", "farmer", "king", "doctor"),
    "NAME": ("Ada", "Alan", "Grace", "Emmy"),
    "V": ("sees", "finds", "likes", "paints", "follows", "helps"),
    "I": ("sleeps", "sings", "waits", "laughs"),
    "SAY": ("says", "thinks", "hopes"),
    "PART": ("tail", "hat", "beard", "scar"),
    "TOOL": ("telescope", "brush", "camera", "lamp"),
    "PLACE": ("garden", "house", "street", "forest"),
    "TIME": ("morning", "night", "winter", "summer"),
    "P": ("in", "behind", "near"),
    "that": ("that",),
    "with": ("with",),
    "in": ("in",),
}
# In the tree a symbol is called as here, or else by its first part: "NP_BASE" is an "NP".
WORD_CLASSES = {"that": "C", "with": "P", "in": "P", "PART": "N", "TOOL": "N", "PLACE": "N", "TIME": "N"}

Tree = tuple  # (label, child, ...): children are trees, or one word


@dataclass(frozen=True)
class Treebank:
    """Sentences, and the tree of each."""

    sentences: list[list[str]]
    trees: list[Tree]


def treebank(count: int, *, shortest: int = 2, longest: int = 14, seed: int = 0) -> Treebank:
    """`count` different sentences of `shortest` to `longest` words, as the grammar's rules are likely to make them.

    Raises:
        ValueError: `count` is below 1, or `longest` below `shortest` or above 30.
    """
    if count < 1:
        raise ValueError(f"count is {count}; at least 1 sentence can be made")
    if not 2 <= shortest <= longest <= 30:
        raise ValueError(f"lengths from {shortest} to {longest}; sentences have 2 to 30 words")
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, ...], Tree] = {}
    while len(found) < count:
        tree = grow("S", rng, depth=0)
        if tree is not None and shortest <= len(sentence := leaves(tree)) <= longest:
            found.setdefault(tuple(sentence), tree)
    return Treebank([list(sentence) for sentence in found], list(found.values()))


def grow(symbol: str, rng: np.random.Generator, depth: int) -> Tree | None:
    """A tree with this symbol on top; None when it would be deeper than 12."""
    label = WORD_CLASSES.get(symbol, symbol).partition("_")[0]
    if symbol in WORDS:
        return label, WORDS[symbol][rng.integers(len(WORDS[symbol]))]
    if depth > 12:
        return None
    weights, ways = zip(*RULES[symbol], strict=True)
    children = [grow(part, rng, depth + 1) for part in ways[rng.choice(len(ways), p=weights)]]
    return None if None in children else (label, *children)


def leaves(tree: Tree) -> list[str]:
    """The words of a tree from left to right."""
    if isinstance(tree, str):
        return [tree]
    return [word for child in tree[1:] for word in leaves(child)]


def linearized(tree: Tree) -> list[str]:
    """A tree as tokens: ["(S", "(NP", "NAME", ")", ..., ")"]. Word classes stand for the words, as in "Grammar as a
    Foreign Language" (Vinyals et al. 2015, section 2.2)."""
    label, *children = tree
    if len(children) == 1 and isinstance(children[0], str):
        return [label]
    return [f"({label}", *(token for child in children for token in linearized(child)), ")"]


def brackets(tokens: list[str]) -> list[tuple[str, int, int]] | None:
    """The constituents (label, first word, word after its last) of a linearized tree, sorted.

    None when it is not well formed: brackets that do not match or hold nothing, or more than one tree.
    """
    open_, found, place = [], [], 0
    for token in tokens:
        if token == ")":
            if not open_ or open_[-1][1] == place:
                return None
            label, start = open_.pop()
            found.append((label, start, place))
        elif token.startswith("("):
            if found and not open_:
                return None
            open_.append((token[1:], place))
        else:
            if not open_:
                return None
            place += 1
    return sorted(found) if found and not open_ else None
