"""A CLIP tokenizer of a small vocabulary, in which every word is one token.

CLIP's tokenizer joins letters by byte-pair encoding. The joins here are those that build the words of the vocabulary
one after another, so that a known word becomes one token and an unknown one some of its letters.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from transformers import CLIPTokenizer

LENGTH = 40
"""Tokens of a text, with start and end."""

_START, _END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"


def build_tokenizer(words: Sequence[str], *, length: int = LENGTH) -> CLIPTokenizer:
    """Return a tokenizer that has a token a word.

    Parameters
    ----------
    words
        Lower-case words, or signs, without blanks.
    length
        Tokens of a text at most, with start and end.
    """
    letters = _byte_letters()
    vocabulary = dict.fromkeys([*letters, *(letter + _WORD_END for letter in letters)])
    joins: dict[tuple[str, str], int] = {}
    for word in words:
        parts = _joined([*word[:-1], word[-1] + _WORD_END], joins)
        while len(parts) > 1:
            # A new join ranks below all others: words that are whole already are built as before.
            joins[parts[0], parts[1]] = len(joins)
            vocabulary[parts[0] + parts[1]] = None
            parts = _joined(parts, joins)
    numbers = {token: number for number, token in enumerate([*vocabulary, _START, _END])}
    return CLIPTokenizer(vocab=numbers, merges=list(joins), model_max_length=length)


def unknown_words(tokenizer: CLIPTokenizer, text: str) -> tuple[str, ...]:
    """Return the words of a text that are not one token, each once, in their order."""
    pieces = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text.lower())
    known = tokenizer.get_vocab()
    return tuple(
        dict.fromkeys(text.lower()[start:end] for word, (start, end) in pieces if word + _WORD_END not in known)
    )


def _joined(parts: list[str], joins: dict[tuple[str, str], int]) -> list[str]:
    """Return the parts of a word after all joins that apply, the earliest first."""
    while len(parts) > 1:
        ranks = [joins.get(pair, len(joins)) for pair in itertools.pairwise(parts)]
        rank = min(ranks)
        if rank == len(joins):
            break
        joined: list[str] = []
        place = 0
        while place < len(parts):
            if place < len(ranks) and ranks[place] == rank:
                joined.append(parts[place] + parts[place + 1])
                place += 2
            else:
                joined.append(parts[place])
                place += 1
        parts = joined
    return parts


def _byte_letters() -> list[str]:
    """Return the letter that stands for each of the 256 bytes, as GPT-2's byte-level encoding defines it."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
