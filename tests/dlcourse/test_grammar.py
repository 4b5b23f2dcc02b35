from functools import cache
from itertools import combinations

import pytest

from dlcourse import grammar


def parses(sentence: list[str]) -> int:
    """How many trees the grammar gives a sentence."""

    @cache
    def count(symbol: str, start: int, end: int) -> int:
        if symbol in grammar.WORDS:
            return end == start + 1 and sentence[start] in grammar.WORDS[symbol]
        return sum(count_parts(way, start, end) for _, way in grammar.RULES[symbol])

    @cache
    def count_parts(parts: tuple[str, ...], start: int, end: int) -> int:
        if len(parts) == 1:
            return count(parts[0], start, end)
        middles = range(start + 1, end - len(parts) + 2)
        return sum(count(parts[0], start, middle) * count_parts(parts[1:], middle, end) for middle in middles)

    return count("S", 0, len(sentence))


def test_every_sentence_has_one_tree():
    assert {parses(sentence) for sentence in grammar.treebank(300, longest=20, seed=3).sentences} == {1}
    assert parses(["Ada", "sees", "sees"]) == 0


def test_sentences_differ_and_keep_the_asked_lengths():
    bank = grammar.treebank(500, shortest=4, longest=9, seed=1)
    assert len(set(map(tuple, bank.sentences))) == 500
    assert {len(sentence) for sentence in bank.sentences} == set(range(4, 10))
    assert grammar.treebank(500, shortest=4, longest=9, seed=1) == bank
    assert grammar.treebank(200, shortest=4, longest=9, seed=1).sentences == bank.sentences[:200]
    assert grammar.treebank(500, shortest=4, longest=9, seed=2).sentences != bank.sentences


def test_tree_stands_over_its_sentence():
    bank = grammar.treebank(200, seed=4)
    for sentence, tree in zip(bank.sentences, bank.trees, strict=True):
        assert grammar.leaves(tree) == sentence
        found = grammar.brackets(grammar.linearized(tree))
        assert ("S", 0, len(sentence)) in found
        for (_, start, end), (_, other_start, other_end) in combinations(found, 2):
            assert not start < other_start < end < other_end and not other_start < start < other_end < end


def test_with_is_attached_by_its_word():
    trees = grammar.treebank(2000, seed=5)
    words = [" ".join(grammar.linearized(tree)) for tree in trees.trees]
    for sentence, tokens in zip(trees.sentences, words, strict=True):
        if sentence[-2:] == ["a", "lamp"]:
            assert "(VP (VP" in tokens
        if sentence[-2:] == ["a", "beard"]:
            assert "(NP (NP" in tokens


@pytest.mark.parametrize(
    "tokens",
    ["(S NP", "(S )", ")", "NP", "", "(S NP ) (S NP )", "(S NP ) )", "(S NP ) VP", "(S (NP ) VP )"],
)
def test_what_is_not_a_tree_has_no_brackets(tokens):
    assert grammar.brackets(tokens.split()) is None


def test_brackets_name_first_word_and_end():
    tokens = ["(S", "(NP", "D", "N", ")", "(VP", "V", "(NP", "NAME", ")", ")", ")"]
    assert grammar.brackets(tokens) == [("NP", 0, 2), ("NP", 3, 4), ("S", 0, 4), ("VP", 2, 4)]


def test_impossible_treebanks_are_refused():
    with pytest.raises(ValueError, match="at least 1 sentence"):
        grammar.treebank(0)
    with pytest.raises(ValueError, match="2 to 30 words"):
        grammar.treebank(5, longest=31)
