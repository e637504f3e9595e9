"""The WebSub push: an Atom feed of entries (uploaded or changed) and tombstones (deleted or made private).

1. An entry says that a video is up, with its title; `updated` is what it is about. Where `updated` is well after
   `published`, the push was for a change of title or description.
2. A tombstone has no `yt:videoId`: the id is in `ref="yt:video:ID"`, the channel in `at:by/uri`, else in the Link
   header's topic.
3. A repeated (video, updated) in one push is one statement.
"""

from __future__ import annotations

import re
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element, ParseError

import defusedxml
from defusedxml.ElementTree import fromstring

from tracker.domain.events import Fact, Instant, Medium, PostEdited, PostPublished, PostRemoved
from tracker.plugin import RawPayload, Unreadable
from tracker.plugin.reading import MAX_BODY_BYTES, Node, read_time

PLATFORM = "youtube"
ATOM = "{http://www.w3.org/2005/Atom}"
YT = "{http://www.youtube.com/xml/schemas/2015}"
TOMBSTONE = "{http://purl.org/atompub/tombstones/1.0}"

# The hub pushes an upload again while YouTube still works on it; what is this long after publishing is a change.
EDITED_AFTER_MS = 15 * 60_000

_CHANNEL = re.compile(r"/channel/([A-Za-z0-9_-]{1,64})/?", re.ASCII)
_LINK = re.compile(r'<([^<>]*)>\s*;\s*rel="?self"?', re.ASCII)


def facts(raw: RawPayload) -> list[Fact]:
    """What a push states. Raises Unreadable."""
    feed = _document(raw.body)
    found: dict[Fact, None] = {}
    for number, element in enumerate(feed):
        place = f"feed[{number}]"
        if element.tag == f"{ATOM}entry":
            found.update(dict.fromkeys(_entry(element, place)))
        elif element.tag == f"{TOMBSTONE}deleted-entry":
            found[_tombstone(element, place, raw)] = None
    return list(found)


def channel_of(topic: str) -> str | None:
    """The channel whose feed a topic's address is; None for any other address."""
    try:
        address = urlsplit(topic)
        wanted = parse_qs(address.query, strict_parsing=True).get("channel_id", [])
    except ValueError:
        return None
    ours = address.scheme in {"http", "https"} and address.netloc == "www.youtube.com"
    if not ours or address.path not in {"/xml/feeds/videos.xml", "/feeds/videos.xml"} or len(wanted) != 1:
        return None
    return wanted[0] if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", wanted[0], re.ASCII) else None


def _document(body: bytes) -> Element:
    if len(body) > MAX_BODY_BYTES:
        raise Unreadable(f"{len(body)} bytes; at most {MAX_BODY_BYTES} are read")
    try:
        feed: Element = fromstring(body, forbid_dtd=True)
    except ParseError as error:
        line, column = error.position
        raise Unreadable(f"not XML (line {line}, column {column})") from error
    except (defusedxml.DefusedXmlException, LookupError, ValueError) as error:
        # A document type, an entity, an encoding that does not exist.
        raise Unreadable(f"XML of a kind that is not read: {type(error).__name__}") from error
    if feed.tag != f"{ATOM}feed":
        raise Unreadable("the document is no Atom feed")
    return feed


def _entry(entry: Element, place: str) -> list[Fact]:
    id, account = _id(entry, f"{YT}videoId", place), _id(entry, f"{YT}channelId", place)
    published_at = _time(_text(entry, f"{ATOM}published", place), f"{place}.published")
    updated_at = _time(_text(entry, f"{ATOM}updated", place), f"{place}.updated")
    title, permalink = _optional(entry.findtext(f"{ATOM}title"), f"{place}.title"), _permalink(entry, place)
    published = PostPublished(
        platform=PLATFORM,
        account=account,
        post=id,
        observed_at=updated_at,
        occurred_at=published_at,
        permalink=permalink,
        author=account,
        title=title,
        medium=_medium(permalink),
    )
    if updated_at - published_at < EDITED_AFTER_MS:
        return [published]
    edited = PostEdited(
        platform=PLATFORM,
        account=account,
        post=id,
        observed_at=updated_at,
        occurred_at=updated_at,
        permalink=permalink,
        title=title,
    )
    return [published, edited]


def _tombstone(entry: Element, place: str, raw: RawPayload) -> PostRemoved:
    scheme, _, id = entry.get("ref", "").rpartition(":")
    if scheme != "yt:video":
        raise Unreadable(f"{place}.ref: expected yt:video:ID")
    when = _time(entry.get("when", ""), f"{place}.when")
    account = _channel_of_tombstone(entry, raw)
    if account is None:
        raise Unreadable(f"{place}: neither at:by/uri nor the Link header names the channel")
    return PostRemoved(
        platform=PLATFORM,
        account=account,
        post=Node(id, f"{place}.ref").identifier(),
        observed_at=when,
        occurred_at=when,
    )


def _channel_of_tombstone(entry: Element, raw: RawPayload) -> str | None:
    uri = entry.findtext(f"{TOMBSTONE}by/{ATOM}uri") or entry.findtext(f"{TOMBSTONE}by/{TOMBSTONE}uri") or ""
    found = _CHANNEL.fullmatch(
        uri.strip().removeprefix("https://www.youtube.com").removeprefix("http://www.youtube.com")
    )
    if found is not None:
        return found.group(1)
    topic = _LINK.search(raw.headers.get("link", ""))
    return None if topic is None else channel_of(topic.group(1))


def _permalink(entry: Element, place: str) -> str | None:
    links = [link.get("href") for link in entry.findall(f"{ATOM}link") if link.get("rel", "alternate") == "alternate"]
    return _optional(links[0] if links else None, f"{place}.link")


def _optional(text: str | None, place: str) -> str | None:
    return None if text is None else Node(text, place).text()


def _medium(permalink: str | None) -> Medium | None:
    """A Short where the address says so. An address that does not proves nothing."""
    return "short" if permalink is not None and "/shorts/" in permalink else None


def _id(entry: Element, tag: str, place: str) -> str:
    return Node(_text(entry, tag, place), f"{place}.{tag.rpartition('}')[2]}").identifier()


def _text(entry: Element, tag: str, place: str) -> str:
    text = entry.findtext(tag)
    if text is None:
        _missing(place, tag)
    return text.strip()


def _missing(place: str, tag: str) -> NoReturn:
    raise Unreadable(f"{place}.{tag.rpartition('}')[2]}: missing")


def _time(written: str, place: str) -> Instant:
    try:
        return read_time(written.strip())
    except ValueError as error:
        raise Unreadable(f"{place}: {error}") from error
