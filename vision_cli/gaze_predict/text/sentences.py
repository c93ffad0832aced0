"""Reports cut into sentences, as a reader dictates them.

A report is cut at full stops, at line breaks before a heading or an item, and at headings such as ``FINDINGS:``, which
are left out. Points within numbers, initials and common abbreviations end nothing. A sentence with more pieces than the
encoder reads is cut again, at a semicolon or a comma if there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_TITLES = re.compile(r"dr|mr|mrs|ms")
_ABBREVIATIONS = re.compile(
    r"dr|mr|mrs|ms|vs|approx|fig|nos?|st|e\.g|i\.e|etc|cf|resp|ca|pts?|lat|inf|sup|ant|post|[ap]\.m|[ap]\.[ap]|[a-z]"
)
_HEADING_WORDS = re.compile(
    r"addendum|clinical|comparisons?|conclusions?|diagnosis|exam|examination|findings?|history|impressions?|indications?"
    r"|interpretation|opinion|procedure|reason|recommendations?|report|study|summary|technique|views|wet"
)
# A heading opens a line or follows a full stop and ends with a colon; or it is a line of capitals.
_HEADING = re.compile(
    r"(?:^|(?<=\.))[ \t]*([A-Za-z][A-Za-z/&() -]{1,48}?)[ \t]*:|^[ \t]*([A-Z][A-Z/&() -]{1,48})$", re.MULTILINE
)
_ITEM = re.compile(r"(?:^|(?<=\s))(?:\d{1,2}[.)]|[-*•])[ \t]+(?=\S)")
_END = re.compile(r"[.!?]+(?=[\s\"')\]]|$)")
_SPACE = re.compile(r"\s+")
_HAS_WORD = re.compile(r"[^\W\d_]{2,}")
_MOST_HEADING_WORDS = 6


@dataclass(frozen=True)
class Sentence:
    """A sentence of a report.

    Attributes
    ----------
    text
        With single spaces.
    section
        Heading that it stands under, in lower case; empty before the first.
    """

    text: str
    section: str = ""


def split_sentences(
    report: str, *, most: int | None = None, count: Callable[[str], int] | None = None
) -> list[Sentence]:
    """Return the sentences of a report in their order; headings, and what has no word in it, are left out.

    Parameters
    ----------
    report
        Plain text.
    most
        Pieces of a sentence at most; a longer one is cut. None for no limit.
    count
        Returns the pieces of a text, as `Tokenizer.count`; by default its words.
    """
    measured = count or (lambda text: len(text.split()))
    found: list[Sentence] = []
    for section, text in _sections(report.replace("\r\n", "\n").replace("\r", "\n")):
        for paragraph in _paragraphs(text):
            for piece in _at_stops(paragraph):
                plain = _SPACE.sub(" ", piece).strip()
                if _HAS_WORD.search(plain):
                    parts = [plain] if most is None else _shortened(plain, most, measured)
                    found += [Sentence(part, section) for part in parts]
    return found


def _sections(report: str) -> Iterator[tuple[str, str]]:
    """Yield pairs of heading and text."""
    section, start = "", 0
    for match in _HEADING.finditer(report):
        words = match[1] or match[2]
        if not _is_heading(words, has_colon=match[1] is not None):
            continue
        yield section, report[start : match.start()]
        section, start = _SPACE.sub(" ", words).strip().lower(), match.end()
    yield section, report[start:]


def _is_heading(words: str, *, has_colon: bool) -> bool:
    """Return whether words are a heading: one of them is known, or they are capitals before a colon."""
    split = words.split()
    known = any(_HEADING_WORDS.fullmatch(word.strip("()/&-").lower()) for word in split)
    return len(split) <= _MOST_HEADING_WORDS and (known or (has_colon and words.isupper() and len(words) > 2))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield what is between empty lines and before items of a list; a line break alone is a space."""
    for block in re.split(r"\n[ \t]*\n", text):
        start = 0
        for match in _ITEM.finditer(block):
            opens_line = not block[: match.start()].rstrip(" \t") or block[: match.start()].rstrip(" \t")[-1] in "\n.:"
            if opens_line:
                yield block[start : match.start()]
                start = match.end()
        yield block[start:]


def _at_stops(text: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(text):
        before = text[start : match.start()].rsplit(maxsplit=1)
        word = before[-1].lower().lstrip("(\"'") if before else ""
        is_short = _ABBREVIATIONS.fullmatch(word) is not None
        goes_on = text[match.end() :].lstrip()[:1]
        # An abbreviation may end a sentence: then a capital follows, and no name does after a title.
        continues = goes_on.islower() or goes_on.isdigit() or _TITLES.fullmatch(word) is not None
        if match[0] == "." and is_short and continues:
            continue
        yield text[start : match.end()]
        start = match.end()
    yield text[start:]


def _shortened(text: str, most: int, count: Callable[[str], int]) -> list[str]:
    """Return a text in parts of at most so many pieces: cut near its middle, at the best mark there is."""
    if count(text) <= most or len(text.split()) < 2:
        return [text]
    middle = len(text) / 2
    for marks in (r";\s+", r",\s+", r"\s+(?=and\b|with\b|but\b)", r"\s+"):
        places = [match.end() for match in re.finditer(marks, text) if match.start() > 0 and match.end() < len(text)]
        if places:
            place = min(places, key=lambda one: abs(one - middle))
            halves = text[:place].rstrip(" ;,"), text[place:].strip()
            return [part for half in halves if half for part in _shortened(half, most, count)]
    return [text]
