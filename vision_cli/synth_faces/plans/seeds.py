"""Seeds of samples: of a run's seed and a sample's number alone, whatever shard, batch or order it is drawn in."""

from __future__ import annotations

import hashlib

_BITS = 63
"""So that a seed is an int64 in tables and a seed of PyTorch."""


def sample_seed(seed: int, index: int, purpose: str = "sample") -> int:
    """Return the seed of a sample, 0 to 2^63 - 1, from SHA-256.

    Parameters
    ----------
    seed
        Of the run.
    index
        Number of the sample, from 0.
    purpose
        What is drawn; each purpose has random numbers of its own.
    """
    digest = hashlib.sha256(f"synth-faces/{purpose}/{seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)


def share_of(text: str) -> float:
    """Return a number from 0 to 1 of a text's SHA-256: texts fall below a share of it as often as the share says."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2.0**64


def word_seed(seed: int, word: str, purpose: str = "person") -> int:
    """Return a seed of a run's seed and a word, such as the name of a person of a plan."""
    digest = hashlib.sha256(f"synth-faces/{purpose}/{seed}/{word}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)
