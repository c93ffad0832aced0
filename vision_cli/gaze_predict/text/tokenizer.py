"""Sentences as rows of a small vocabulary of radiology English.

A word is cut into pieces by greedy longest match: a piece that begins a word, then pieces that go on, which the list
marks with ``##``. A word that the list cannot cut to its end is unknown: its trigrams are hashed to extra rows, so that
a misspelling still resembles its word.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError

LENGTH = 48
"""Pieces of a sentence at most, with the start."""

_HASH_ROWS = 256
_MOST_HASHED = 6
_GRAM = 3
_PAD, _START, _BLANK, _NUMBER = "<pad>", "<start>", "<blank>", "<number>"
_SPECIALS = (_PAD, _START, _BLANK, _NUMBER)
_COMMENT = "# "
# A blank stands for what was removed so that nobody is known: underscores in MIMIC-CXR, capitals in Open-i.
_WORDS = re.compile(r"_{2,}|\bx{3,}\b|\d+|[^\W\d_]+|[^\w\s]")
_FEW_DIGITS = 2


@dataclass(frozen=True)
class Encoded:
    """A sentence in rows of the vocabulary.

    Attributes
    ----------
    ids
        Rows; the first is the start, which an empty sentence has too.
    unknown_share
        Share of its words, numbers and marks aside, that the vocabulary cannot cut into pieces; 0 without words.
    cut
        Pieces that were left out at the end, as they are too many.
    """

    ids: tuple[int, ...]
    unknown_share: float
    cut: int = 0


class TextTokenizer(Protocol):
    """What cuts sentences for an encoder."""

    def encode(self, text: str) -> Encoded:
        """Return a sentence in rows of a vocabulary."""
        ...


class Tokenizer:
    """Cuts sentences by a list of pieces.

    Parameters
    ----------
    pieces
        The list; the first are ``<pad>``, ``<start>``, ``<blank>`` and ``<number>``.
    length
        Pieces of a sentence at most.
    hash_rows
        Rows for trigrams of unknown words, after those of the pieces.
    """

    def __init__(self, pieces: Sequence[str], *, length: int = LENGTH, hash_rows: int = _HASH_ROWS) -> None:
        if tuple(pieces[: len(_SPECIALS)]) != _SPECIALS or len(set(pieces)) != len(pieces):
            raise InputError(
                f"vocabulary: {', '.join(pieces[: len(_SPECIALS)])} as the first pieces, or a piece twice found; "
                f"{', '.join(_SPECIALS)} and each piece once expected."
            )
        self.length, self.hash_rows, self.pieces = length, hash_rows, tuple(pieces)
        self._row = {piece: row for row, piece in enumerate(pieces)}
        self._longest = max(map(len, pieces))

    @staticmethod
    def default() -> Tokenizer:
        """Return the tokenizer of the small network."""
        return Tokenizer(_shipped_pieces())

    @property
    def rows(self) -> int:
        """Rows of the table of an encoder."""
        return len(self.pieces) + self.hash_rows

    def encode(self, text: str) -> Encoded:
        """Return a sentence in rows; case, accents and repeated spaces do not count."""
        ids = [self._row[_START]]
        words = unknown = 0
        for word in _WORDS.findall(_plain(text)):
            if not word[0].isalpha() or _is_blank(word):
                ids += self._mark(word)
                continue
            words += 1
            cut = self._cut(word)
            unknown += cut is None
            ids += self._hashed(word) if cut is None else cut
        share = unknown / words if words else 0.0
        return Encoded(tuple(ids[: self.length]), share, max(0, len(ids) - self.length))

    def count(self, text: str) -> int:
        """Return how many pieces a sentence has, with the start."""
        encoded = self.encode(text)
        return len(encoded.ids) + encoded.cut

    def _mark(self, word: str) -> list[int]:
        """Return the rows of a number, a blank or a mark; a mark that is not in the list has none."""
        if _is_blank(word):
            return [self._row[_BLANK]]
        if not word[0].isdigit():
            return [self._row[word]] if word in self._row else []
        if len(word) > _FEW_DIGITS or not word.isascii():
            return [self._row[_NUMBER]]
        return [self._row[digit if place == 0 else f"##{digit}"] for place, digit in enumerate(word)]

    def _cut(self, word: str) -> list[int] | None:
        """Return the rows of a word's pieces, the longest first; None if something of it is left."""
        found: list[int] = []
        start = 0
        while start < len(word):
            before = "##" if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                row = self._row.get(before + word[start:end])
                if row is not None:
                    found.append(row)
                    start = end
                    break
            else:
                return None
        return found

    def _hashed(self, word: str) -> list[int]:
        """Return rows of a word's trigrams, of at most six that are spread over it."""
        framed = f"<{word}>"
        grams = [framed[place : place + _GRAM] for place in range(max(1, len(framed) - _GRAM + 1))]
        kept = grams
        if len(grams) > _MOST_HASHED:
            places = np.linspace(0, len(grams) - 1, _MOST_HASHED).round().astype(int)
            kept = [grams[place] for place in places]
        # A checksum is the same in every process, as the hash of Python is not.
        return [len(self.pieces) + zlib.crc32(gram.encode()) % self.hash_rows for gram in kept]


def pad(sentences: Sequence[Encoded], length: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return sentences as a table of one width, and where it is filled.

    Parameters
    ----------
    sentences
        One or more.
    length
        Width of the table; None for that of the longest sentence.

    Returns
    -------
    tuple of ndarray
        ``(B, L)`` int64, padded with row 0, and ``(B, L)`` bool.
    """
    width = max(len(one.ids) for one in sentences) if length is None else length
    ids = np.zeros((len(sentences), width), np.int64)
    mask = np.zeros((len(sentences), width), bool)
    for row, one in enumerate(sentences):
        kept = one.ids[:width]
        ids[row, : len(kept)] = kept
        mask[row, : len(kept)] = True
    return ids, mask


def _is_blank(word: str) -> bool:
    return len(word) > 1 and set(word) in ({"_"}, {"x"})


def _plain(text: str) -> str:
    """Return lower-case text without accents."""
    parts = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in parts if not unicodedata.combining(character))


@cache
def _shipped_pieces() -> tuple[str, ...]:
    content = resources.files(__package__).joinpath("vocabulary.txt").read_text(encoding="utf-8")
    return tuple(line for line in content.splitlines() if line and not line.startswith(_COMMENT))
