# ruff: noqa: RUF001  full-width signs are what this module is about
"""Finding a pattern in a post's text, and saying where it stands in the original.

1. Hashtags are read from the original text (tracker.domain.text) and normalised one by one; a token pattern is equal to
   a whole tag, never a part of one.
2. Keywords and regular expressions search a normalised copy (NFKC, casefold; U+200B and U+FEFF dropped), which knows
   of each of its characters where it came from. What is found is given in code points of the original text.
3. A keyword counts only where it is bounded: in brackets (`【PR】`), before a colon or a bar (`PR:`), leading the text
   with a blank after it (`PR `), or alone on its line but for ornaments. `PRADA` and `SPRING` hold no keyword.
4. Nothing is found inside an address.
5. The copy of a text is NFKC of the whole of it, whatever it holds, and is made in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal
from unicodedata import combining, normalize

from msgspec import Struct

from tracker.domain.text import Span, normal_tag, tag_spans

Match = Literal["token", "keyword", "regex", "platform_label"]
Form = Literal["nfkc_casefold", "nfkc", "none"]

DROPPED = frozenset("\u200b\ufeff")
"""Zero-width space and byte order mark. U+200C and U+200D stay: they belong to words."""

BRAND = "{brand}"
"""Stands in a regular expression for the name by which the advertiser must be recognisable."""

# As NFKC leaves them: full-width brackets and colons are ASCII by then.
_OPEN = r"(\[{<【「『〔〖〈《≪"
_CLOSE = r")\]}>】」』〕〗〉》≫"
_ORNAMENT = r"[^\w\n#♯\u20e3@]{0,20}"
# ASCII only, so that an address ends where Japanese goes on without a blank. It begins at the start of a run of host
# characters, or a long run would be tried from each of them.
_ADDRESS = re.compile(r"https?://[!-~]+|(?<![A-Za-z0-9.@-])[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+/[!-~]*", re.IGNORECASE)


class Found(Struct, frozen=True, order=True):
    """Where something stands in the original text: `start` to one past `end`, in code points."""

    start: int
    end: int


class Normal(Struct, frozen=True):
    """A normalised copy: of character i of `text`, `origin[i]` is where it stood in the original, `[start, end)`."""

    text: str
    origin: tuple[tuple[int, int], ...]

    def place(self, start: int, end: int) -> Found:
        return Found(self.origin[start][0], self.origin[end - 1][1])


class Reading:
    """One text, ready to be searched: its hashtags, its addresses, and its normalised copies once asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tags: Sequence[Span] = tag_spans(text)
        self.addresses: Sequence[Found] = [Found(*each.span()) for each in _ADDRESS.finditer(text)]
        self._normals: dict[Form, Normal] = {}

    def normal(self, form: Form) -> Normal:
        if form not in self._normals:
            self._normals[form] = normalised(self.text, form)
        return self._normals[form]

    def in_address(self, found: Found) -> bool:
        return any(found.start < each.end and each.start < found.end for each in self.addresses)


def find(reading: Reading, match: Match, patterns: tuple[str, ...], form: Form, brands: tuple[str, ...]) -> list[Found]:
    """All places of the patterns, in order; what lies within another one is not told twice."""
    if match == "token":
        wanted = {normal_tag(pattern) for pattern in patterns}
        return [Found(span.start, span.end) for span in reading.tags if span.tag in wanted]
    copy = reading.normal(form)
    places = {
        copy.place(*each.span(each.lastgroup or 0))
        for pattern in compiled(match, patterns, form, brands)
        for each in pattern.finditer(copy.text)
        if each[0]
    }
    return [place for place in _outermost(places) if not reading.in_address(place)]


def _outermost(places: Iterable[Found]) -> Iterator[Found]:
    reached = 0
    for place in sorted(places, key=lambda each: (each.start, -each.end)):
        if place.end > reached:
            reached = place.end
            yield place


@lru_cache(maxsize=1_000)
def compiled(
    match: Match, patterns: tuple[str, ...], form: Form, brands: tuple[str, ...] = ()
) -> tuple[re.Pattern[str], ...]:
    """The patterns as they are searched for; where a group has a name, it alone is what is found. Raises re.error."""
    if match == "keyword":
        return (_bounded(tuple(folded(word, form) for word in patterns)),)
    name = "|".join(_named(brand, form) for brand in brands)
    return tuple(re.compile(pattern.replace(BRAND, f"(?:{name})"), re.IGNORECASE) for pattern in patterns)


def _bounded(words: tuple[str, ...]) -> re.Pattern[str]:
    word = "|".join(re.escape(each) for each in sorted(words, key=len, reverse=True))
    return re.compile(
        rf"[{_OPEN}]\s{{0,3}}(?P<enclosed>{word})\s{{0,3}}[{_CLOSE}]"
        rf"|(?<![\w#@])(?P<headed>{word})\s{{0,2}}(?::(?!//)|\|)"
        rf"|\A\s*(?P<leading>{word})(?=\s|\Z)"
        rf"|^{_ORNAMENT}(?P<alone>{word}){_ORNAMENT}$",
        re.MULTILINE,
    )


def _named(brand: str, form: Form) -> str:
    """A brand's name; where it has blanks, a tag has none."""
    return r"[\s_・]{0,3}".join(re.escape(part) for part in folded(brand, form).split())


def folded(text: str, form: Form) -> str:
    """A text in the form in which it is compared."""
    if form == "none":
        return text
    text = normalize("NFKC", text)
    return text if form == "nfkc" else normalize("NFKC", text.casefold())


def normalised(text: str, form: Form) -> Normal:
    """The normalised copy of a text, with where each of its characters came from."""
    pieces: list[str] = []
    origin: list[tuple[int, int]] = []
    for start, end, chars in _clusters(text):
        piece = folded(chars, form)
        pieces.append(piece)
        origin += [(start, end)] * len(piece)
    return Normal("".join(pieces), tuple(origin))


def _clusters(text: str) -> Iterator[tuple[int, int, str]]:
    """Runs of characters that are normalised together, with where they stand. What is dropped is in none."""
    start, end, chars = 0, 0, ""
    for index, char in enumerate(text):
        if char in DROPPED:
            continue
        if chars and not _joins(chars, char):
            yield start, end, chars
            chars = ""
        if not chars:
            start = index
        chars, end = chars + char, index + 1
    if chars:
        yield start, end, chars


def _joins(chars: str, char: str) -> bool:
    """Whether NFKC may change `char` together with what stands before it (`ﾌﾟ` is プ, `e` and U+0301 are é)."""
    if char.isascii():
        return False
    before = chars[-3:]  # no more than three starters become one (a Hangul syllable, a Kannada vowel)
    return _is_mark(char) or normalize("NFKC", before + char) != normalize("NFKC", before) + normalize("NFKC", char)


@lru_cache(maxsize=10_000)
def _is_mark(char: str) -> bool:
    return combining(normalize("NFKD", char)[0]) != 0
