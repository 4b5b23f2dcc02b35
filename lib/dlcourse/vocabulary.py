"""Sequences of tokens as rows of numbers, and back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

PADDING, START, END, UNKNOWN = range(4)
SPECIAL = ("<padding>", "<start>", "<end>", "<unknown>")


@dataclass(frozen=True)
class Vocabulary:
    """The known tokens; the first four are special. A text is a sequence of tokens: a string is one of characters."""

    tokens: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]], most: int | None = None) -> "Vocabulary":
        """The tokens of `texts`, the `most` frequent ones first and only these (all of them by default)."""
        counts = Counter(token for text in texts for token in text)
        ordered = sorted(counts, key=lambda token: (-counts[token], token))
        return cls(SPECIAL + tuple(ordered[:most]))

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}

    def encode(self, texts: Iterable[Sequence[str]], length: int | None = None) -> np.ndarray:
        """Each text's numbers, END, then PADDING: int32 (texts, length), as long as the longest needs by default.

        Raises:
            ValueError: a text with its END is longer than `length`.
        """
        rows = [[self.numbers.get(token, UNKNOWN) for token in text] + [END] for text in texts]
        longest = max(map(len, rows), default=0)
        if length is not None and longest > length:
            raise ValueError(f"length is {length}; the longest text needs {longest} with its end")
        encoded = np.full((len(rows), length or longest), PADDING, dtype=np.int32)
        for place, row in enumerate(rows):
            encoded[place, : len(row)] = row
        return encoded

    def decode(self, rows: np.ndarray) -> list[list[str]]:
        """The tokens of each row of numbers (texts, length) before its first END; PADDING and START are left out."""
        return [[self.tokens[number] for number in until_end(row) if number > START] for row in np.asarray(rows)]


def until_end(row: np.ndarray) -> np.ndarray:
    ends = np.flatnonzero(row == END)
    return row[: ends[0]] if len(ends) else row


def words(text: str) -> list[str]:
    """A text's words; what follows a hyphen keeps it: "vingt-deux" is "vingt", "-deux", so `join` can undo it."""
    return text.replace("-", " -").split()


def join(tokens: Iterable[str]) -> str:
    """The text of `words`."""
    return " ".join(tokens).replace(" -", "-")
