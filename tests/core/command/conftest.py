"""What the tests of commands share: programs run as processes, as a user runs them."""

from tests.commands import tiny, vcli, words

__all__ = ["tiny", "vcli", "words"]
