"""CLIP's byte-pair encoding, from the list of merges that OpenAI ships beside its weights.

Source: Sennrich et al. (arXiv:1508.07909, section 3.2); bytes as printable characters and the marks of begin and end as
in CLIP's files. The list is the user's: it is not part of this package.
"""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.errors import InputError, MissingError
from vision_cli.gaze_predict.text.tokenizer import Encoded

MERGES_FILE = "bpe_simple_vocab_16e6.txt.gz"

_MERGES = 49152 - 256 - 2
_MOST_BYTES = 64 * 2**20
_END_OF_WORD = "</w>"
# Contractions, letters, a digit, other marks: the words of CLIP's tokenizer.
_WORDS = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)


class ClipTokenizer:
    """Cuts sentences as CLIP does: lower case, bytes, merges in the order of the list.

    Parameters
    ----------
    merges
        Pairs of the list, in its order.
    length
        Tokens of a sentence at most, with begin and end.
    """

    def __init__(self, merges: Sequence[tuple[str, str]], *, length: int = 77) -> None:
        letters = list(_printable().values())
        pieces = [*letters, *(letter + _END_OF_WORD for letter in letters), *map("".join, merges)]
        self.length = length
        self._letters = _printable()
        self._rank = {pair: rank for rank, pair in enumerate(merges)}
        self._row = {piece: row for row, piece in enumerate(pieces)}
        self.begin, self.end = len(pieces), len(pieces) + 1

    @property
    def rows(self) -> int:
        """Rows of the table of an encoder."""
        return self.end + 1

    def encode(self, text: str) -> Encoded:
        """Return a sentence in rows of the vocabulary; bytes cover every word, so that none is unknown."""
        ids = [
            self._row[piece]
            for word in _WORDS.findall(" ".join(text.lower().split()))
            for piece in self._merged("".join(self._letters[byte] for byte in word.encode()))
        ]
        kept = ids[: self.length - 2]
        return Encoded((self.begin, *kept, self.end), 0.0, len(ids) - len(kept))

    def _merged(self, word: str) -> list[str]:
        """Return the pieces of a word: the pair that is first in the list is merged, until none is in it."""
        pieces = [*word[:-1], word[-1] + _END_OF_WORD]
        while len(pieces) > 1:
            best = min(itertools.pairwise(pieces), key=lambda pair: self._rank.get(pair, _MERGES))
            if best not in self._rank:
                break
            merged: list[str] = []
            while pieces:
                if tuple(pieces[:2]) == best:
                    merged.append("".join(best))
                    pieces = pieces[2:]
                else:
                    merged.append(pieces[0])
                    pieces = pieces[1:]
            pieces = merged
        return pieces


def read_merges(path: Path) -> list[tuple[str, str]]:
    """Return the pairs of OpenAI's list of merges.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is not such a list.
    """
    if not path.is_file():
        raise MissingError(
            f"{path}: no such file; CLIP's list of merges expected.", hint=f"Put {MERGES_FILE} beside the weights."
        )
    try:
        with gzip.open(path) as stream:
            content = stream.read(_MOST_BYTES + 1)
        lines = content[:_MOST_BYTES].decode().splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a gzip file of text ({error}).", hint="Fetch the file again.") from error
    # The first line names the version.
    pairs = [tuple(line.split(" ")) for line in lines[1 : 1 + _MERGES]]
    if len(pairs) < _MERGES or any(len(pair) != 2 for pair in pairs):
        raise InputError(f"{path}: {len(pairs)} lines found; {_MERGES} pairs of pieces expected.")
    return [(pair[0], pair[1]) for pair in pairs]


def _printable() -> Mapping[int, str]:
    """Return a printable character for each byte: itself where it is one, else the next from 256 on."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in kept]
    return {byte: chr(byte) for byte in kept} | {byte: chr(256 + number) for number, byte in enumerate(rest)}
