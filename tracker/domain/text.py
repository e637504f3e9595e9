# ruff: noqa: RUF001, RUF002  full-width signs are what this module is about
"""What a text carries: hashtags, mentions, addresses. A port of twitter-text's rules, for every platform.

1. The original text is tokenised; each token is normalised afterwards (NFKC, casefold). Spans are of the original, in
   code points, half-open.
2. Hashtags follow twitter-text 3.1: `#` or `＃`, then letters, marks, decimal digits and a few signs (`_ ・ · 〜 ～`,
   ZWNJ, ZWJ …), at least one letter or mark; before it no such character and no `&`; after it no `#`, `＃`, `://`; not
   inside an address. What counts as a letter follows Python's Unicode tables, which are newer than twitter-text's.
3. A blank ends every token, and no token depends on what stands beyond it.
4. The time is linear in the length of the text, whatever it holds. (The PyPI port `twitter-text-parser` needs 16 s for
   2 kB of `a.`, so only its list of top-level domains is used.)
5. Normalising what is normal changes nothing.

Wider than twitter-text, on purpose: a mention may hold dots and up to 64 characters (Instagram and TikTok names do),
and after `http://` or `https://` a top-level domain that is not in the list is believed.

Rules: https://github.com/twitter/twitter-text (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import PurePath
from runpy import run_path
from unicodedata import category, normalize

from msgspec import Struct

MAX_ADDRESS = 4096
MAX_MENTION = 64

_SPECIAL = frozenset("_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\xb7")
_HASH = re.compile("[#＃]")
_AT = re.compile("[@＠]")
_NAME = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*")
_RETWEET = re.compile(r"(?:\A|[^A-Za-z0-9_+~.\-])rt:?\Z", re.IGNORECASE)

_LATIN = (
    "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0100-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289"
    "\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
)
_LATIN_CHAR = re.compile(f"[{_LATIN}]")
_SPACE = r"\x09-\x0d\x20\x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_UNSEEN = r"\ufffe\ufeff\uffff\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069"
# A run of what a host name may hold, dots, hyphens and underscores included.
_RUN = re.compile(rf"[^!'#%&()*+,\\/:;<=>?@\[\]^{{|}}~${_SPACE}{_UNSEEN}＠＃]+")
_ASCII_RUN = re.compile(rf"[\-.A-Za-z0-9{_LATIN}]+")
_LABEL_END = re.compile(r"[^0-9a-zA-Z@+\-]|\Z")
_ANY_TLD = re.compile(r"[A-Za-z]{2,63}(?![0-9A-Za-z@+_\-])|xn--[\-0-9a-z]+", re.IGNORECASE)
_PORT = re.compile(r":[0-9]{1,5}")
_PATH_CHARS = rf"[a-zA-Z\u0400-\u04ff0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_LATIN}]"
_PATH = re.compile(rf"{_PATH_CHARS}+|\({_PATH_CHARS}*(?:\({_PATH_CHARS}+\)){_PATH_CHARS}*\)|\({_PATH_CHARS}+\)")
_PATH_LAST = re.compile(rf"[a-zA-Z\u0400-\u04ff0-9+\-=_#/){_LATIN}]")
_QUERY = re.compile(r"\?[a-zA-Z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-zA-Z0-9\-_&=#/]")
_SHORT_LINK_PATH = re.compile(r"/[A-Za-z0-9]{1,40}")


class Span(Struct, frozen=True):
    """Where a hashtag stands: `start` is its hash sign, `end` is one past its last character; `tag` is normalised."""

    start: int
    end: int
    tag: str


def tags(text: str) -> frozenset[str]:
    """The hashtags of a text, normalised, without the hash sign."""
    return frozenset(span.tag for span in tag_spans(text))


def tag_spans(text: str) -> list[Span]:
    """The hashtags of a text in their order, with where they stand in it."""
    found = _hashtags(text)
    if not found:
        return []
    addresses = _address_spans(text)
    spans: list[Span] = []
    nearest = 0
    for start, end in found:
        while nearest < len(addresses) and addresses[nearest][1] <= start:
            nearest += 1
        if nearest == len(addresses) or start < addresses[nearest][0]:
            spans.append(Span(start, end, normal_tag(text[start + 1 : end])))
    return spans


def mentions(text: str) -> frozenset[str]:
    """The names mentioned with `@` or `＠`, normalised, without the sign. An e-mail address mentions nobody."""
    found: set[str] = set()
    for sign in _AT.finditer(text):
        name = _NAME.match(text, sign.end())
        if name and name.end() - name.start() <= MAX_MENTION and _mention_fits(text, sign.start(), name.end()):
            found.add(normal_mention(name[0]))
    return frozenset(found)


def links(text: str) -> frozenset[str]:
    """The addresses in a text (with or without a scheme), normalised."""
    return frozenset(normal_address(text[start:end]) for start, end in _address_spans(text))


def normal_tag(tag: str) -> str:
    """A hashtag as it is compared: without one leading `#` or `＃`, NFKC, casefold."""
    tag = tag.strip()
    return _folded(tag[1:] if tag[:1] in ("#", "＃") else tag)


def normal_mention(name: str) -> str:
    """A name as it is compared: without one leading `@` or `＠`, NFKC, casefold."""
    name = name.strip()
    return _folded(name[1:] if name[:1] in ("@", "＠") else name)


def normal_address(url: str) -> str:
    """An address as it is compared. Never raises: what is no address is compared as it stands.

    Dropped: the scheme, `www.`, a default port (80, 443), trailing slashes of the path, the fragment, `utm_*`.
    The host is put in lower case. The path and the rest of the query stay as they are, for servers tell them apart.
    """
    rest = url.split("#", 1)[0].strip()
    rest = re.sub(r"\A(?:(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//)+", "", rest)
    before_query, mark, query = rest.partition("?")
    host, slash, path = before_query.partition("/")
    host = re.sub(r"(?:\.|:80|:443)+\Z", "", re.sub(r"\A(?:www\.)+", "", host.lower()))
    kept = "&".join(part for part in query.split("&") if part and not part.lower().startswith("utm_"))
    return (host + (slash + path).rstrip("/ ") + (mark + kept if kept else "")).strip()


def carries_link(found: Collection[str], wanted: str) -> bool:
    """Whether one of the normalised addresses `found` is `wanted` (normalised too), or lies below it.

    Below: it starts with it, and there begins a path, a query or a fragment: `a.co/b` carries `a.co`, `a.com` does not.
    """
    if not wanted:
        return False
    return any(one == wanted or (one.startswith(wanted) and one[len(wanted)] in "/?#") for one in found)


def _folded(token: str) -> str:
    return normalize("NFKC", normalize("NFKC", token).casefold())


def _in_tag(char: str) -> bool:
    return char.isalpha() or char in _SPECIAL or char.isdecimal() or category(char)[0] == "M"


def _hashtags(text: str) -> list[tuple[int, int]]:
    """Spans of hashtags, addresses not yet looked at. Tags hold no hash sign, so no character is read twice."""
    found: list[tuple[int, int]] = []
    taken = 0  # twitter-text consumes the character before a tag: the end of one candidate cannot also begin the next
    for sign in _HASH.finditer(text):
        start = sign.start()
        if start > 0 and (start == taken or not _tag_may_follow(text[start - 1])):
            continue
        end, letters = start + 1, False
        while end < len(text) and _in_tag(text[end]):
            letters = letters or text[end].isalpha() or category(text[end])[0] == "M"
            end += 1
        if not letters or text[start + 1] in "\ufe0f\u20e3":
            continue
        taken = end
        if text[end : end + 1] not in ("#", "＃") and not text.startswith("://", end):
            found.append((start, end))
    return found


def _tag_may_follow(char: str) -> bool:
    return char in "\ufe0e\ufe0f" or not (char == "&" or _in_tag(char))


def _mention_fits(text: str, start: int, end: int) -> bool:
    before = text[start - 1 : start]
    if re.match(r"[A-Za-z0-9_!#$%&*@＠]", before) and not _RETWEET.search(text[max(0, start - 4) : start]):
        return False
    after = text[end : end + 1]
    return not (after in ("@", "＠") and after) and not _LATIN_CHAR.match(after) and not text.startswith("://", end)


@cache
def _top_level_domains() -> frozenset[str]:
    alternatives = (
        _pattern(name).removeprefix("(?:(?:").partition(")(?=")[0] for name in ("valid_cctld", "valid_gtld")
    )
    return frozenset(tld for some in alternatives for tld in some.split("|"))


def _pattern(name: str) -> str:
    """One of twitter_text's patterns.

    Its file is run by itself: the package as a whole (twitter-text-parser 3.0.0) does not import without
    `pkg_resources`, which setuptools 81 dropped, and where it does it first compiles all emoji.
    """
    package = find_spec("twitter_text")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("twitter-text-parser is not installed: install the tracker's dependencies again")
    pattern: re.Pattern[str] = run_path(str(PurePath(package.origin).parent / "regexp" / f"{name}.py"))[name]
    return pattern.pattern


_DOTTED = re.compile(r"\.\w")
"""What every host has: most texts have dots, but at the ends of sentences."""


@lru_cache(maxsize=4)  # a text is asked for its tags, its mentions and its links in turn
def _address_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Spans of addresses, in order, none overlapping."""
    if not _DOTTED.search(text):
        return ()
    found: list[tuple[int, int]] = []
    position = 0
    while run := _RUN.search(text, position):
        position = run.end()
        if "." not in run[0]:
            continue
        for start, host_end in _hosts(text, run.start(), run.end()):
            end = _path_end(
                text, host_end, short=start < run.start() and text[run.start() : host_end].lower() == "t.co"
            )
            if end - start <= MAX_ADDRESS:
                found.append((start, end))
            position = max(position, end)
    return tuple(found)


def _hosts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The hosts in one run, with the start of the address (its scheme's, where it has one) and the end of the host."""
    for scheme in ("https://", "http://"):
        if text[max(0, start - len(scheme)) : start].lower() == scheme:
            begin = start - len(scheme)
            if begin == 0 or not re.match(r"[A-Za-z0-9@＠$#＃\ufffe\ufeff\uffff]", text[begin - 1]):
                host_end = _host_end(text, start, end, inner=True)
                if host_end is not None:
                    yield begin, host_end
                    yield from _bare_hosts(text, host_end, end)
            return
    yield from _bare_hosts(text, start, end)


def _bare_hosts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for run in _ASCII_RUN.finditer(text, start, end):
        before = text[run.start() - 1 : run.start()]
        if before and re.match(r"[A-Za-z0-9@＠$#＃_./\-\ufffe\ufeff\uffff]", before):
            continue
        host_end = _host_end(text, run.start(), run.end(), inner=False)
        if host_end is not None:
            yield run.start(), host_end


def _host_end(text: str, start: int, end: int, *, inner: bool) -> int | None:
    """Where the host that begins at `start` ends: after the last label that is a top-level domain.

    `inner`: a scheme stands before it, so underscores may stand in subdomains and unlisted domains are believed.
    """
    best: int | None = None
    position = start
    previous = ""
    for number, label in enumerate(text[start:end].split(".")):
        if number > 0:
            if not _label_fits(previous, inner=inner):
                return best
            if "_" not in previous:
                ends = _tld_end(text, position, end, believed=inner)
                best = ends if ends is not None else best
        previous = label
        position += len(label) + 1
    return best


def _label_fits(label: str, *, inner: bool) -> bool:
    return (
        bool(label)
        and len(label) <= 63
        and label[0] not in "-_"
        and label[-1] not in "-_"
        and (inner or "_" not in label)
    )


def _tld_end(text: str, start: int, end: int, *, believed: bool) -> int | None:
    known = _top_level_domains()
    label = text[start : min(end, start + 24)].lower()
    for length in range(len(label), 1, -1):
        if label[:length] in known and _LABEL_END.match(text, start + length):
            return start + length
    other = _ANY_TLD.match(text, start, end)
    return other.end() if other and (believed or other[0].lower().startswith("xn--")) else None


def _path_end(text: str, host_end: int, *, short: bool) -> int:
    """Where the address ends whose host ends at `host_end`: after port, path, query. `short`: of t.co the slug."""
    port = _PORT.match(text, host_end)
    end = port.end() if port else host_end
    if short and (slug := _SHORT_LINK_PATH.match(text, end)):
        return slug.end()
    if text.startswith("/", end):
        reach = end + 1
        while part := _PATH.match(text, reach):
            reach = part.end()
        while reach > end + 1 and not _PATH_LAST.match(text[reach - 1]):
            reach -= 1
        end = reach
    query = _QUERY.match(text, end)
    return query.end() if query else end
