import numpy as np
import pytest

from dlcourse.vocabulary import END, PADDING, UNKNOWN, Vocabulary, join, words


def test_words_can_be_joined_again():
    for text in ["quatre-vingt-dix-sept mille deux", "zero", "vingt et un"]:
        assert join(words(text)) == text
    assert words("quatre-vingt mille") == ["quatre", "-vingt", "mille"]


def test_texts_come_back():
    texts = [words("two hundred and forty-two"), words("two"), []]
    vocabulary = Vocabulary.of(texts)
    rows = vocabulary.encode(texts)
    assert rows.shape == (3, 6) and rows.dtype == np.int32
    assert rows[1].tolist() == [vocabulary.numbers["two"], END] + [PADDING] * 4
    assert vocabulary.decode(rows) == texts


def test_strings_are_texts_of_characters():
    vocabulary = Vocabulary.of(["abba"])
    assert ["".join(text) for text in vocabulary.decode(vocabulary.encode(["ab", "b"]))] == ["ab", "b"]


def test_rare_and_unseen_tokens_are_unknown():
    vocabulary = Vocabulary.of([["b", "b", "a", "a", "a", "c"]], most=2)
    assert vocabulary.tokens[4:] == ("a", "b") and len(vocabulary) == 6
    assert vocabulary.encode([["c", "b"]])[0, 0] == UNKNOWN


def test_what_comes_after_the_end_is_not_decoded():
    vocabulary = Vocabulary.of(["ab"])
    assert vocabulary.decode(np.array([[4, END, 5, 4]])) == [["a"]]
    assert vocabulary.decode(np.array([[4, 5, 4]])) == [["a", "b", "a"]]


def test_too_short_a_length_is_refused():
    with pytest.raises(ValueError, match="length is 2; the longest text needs 3"):
        Vocabulary.of(["ab"]).encode(["ab"], length=2)
