"""Importing a file: JSON Lines, of raw payloads as platforms sent them, or of canonical facts.

1. Each line is one payload and becomes one inbox record; an empty line is none.
2. A line that its adapter cannot read stops the import before that line, with its number and the reason.
3. What stands before `next_line` is acknowledged. Importing from there on goes on where it ended; a line that is
   imported twice counts once, as far as its events can be told apart (docs/explanation/counting.md).

A raw payload: `{"platform": "instagram", "received_at": 1767225600000, "body": "…"}`, optionally with `name`,
`headers`, `endpoint`, `items` (`[{"platform", "account", "post"}]`) and `status`; `body_base64` in place of `body` for
bytes that are no text. A fact: `{"type": "post.published", "platform": "instagram", …}`, the fields of
tracker.domain.events.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tracker.codec import inbox
from tracker.domain.events import Id, Instant, Platform
from tracker.ingest.publisher import KafkaUnreachable, Publisher, RecordTooLarge
from tracker.ingest.statements import PLATFORM
from tracker.plugin.api import DueItem, PlatformAdapter, RawPayload, Unreadable
from tracker.plugin.reading import read_json

Progress = Callable[[int, int], None]
"""Told now and then: lines acknowledged so far, and how many bytes of the file they are."""

_WINDOW = 500
_NAME = "import"
_LONGEST_LINE = 12 * 1024 * 1024


class ImportStopped(Exception):
    """An import that ended early. Lines before `next_line` are on the inbox; `line` is the one at fault."""

    def __init__(self, path: Path, line: int, reason: str, next_line: int) -> None:
        super().__init__(
            f"{path}:{line}: {reason}. Lines before {next_line} are imported, no other. "
            f"Put the cause right, then go on: --from-line {next_line}"
        )
        self.path = path
        self.line = line
        self.reason = reason
        self.next_line = next_line


class Imported(Struct, frozen=True):
    """How an import ended: records published, and the line to go on from."""

    records: int
    next_line: int


class _Line(Struct, frozen=True):
    number: int
    end: int
    raw: RawPayload | None
    fault: str = ""


class _RawLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    platform: Platform
    received_at: Instant
    body: str | None = None
    body_base64: str | None = None
    name: Id = _NAME
    headers: dict[str, str] = {}
    endpoint: Id | None = None
    items: tuple[DueItem, ...] = ()
    status: int | None = None


async def import_file(
    path: Path,
    publisher: Publisher,
    adapters: Mapping[str, PlatformAdapter],
    *,
    now: int,
    from_line: int = 1,
    on_progress: Progress | None = None,
) -> Imported:
    """Put a file's payloads on the inbox, from line `from_line` on. Raises ImportStopped, OSError."""
    records, next_line = 0, from_line
    lines = _lines(path, adapters, now, from_line)
    while window := await asyncio.to_thread(_take, lines, _WINDOW):
        readable = [line for line in window if not line.fault]
        sent = await asyncio.gather(*[_publish(publisher, line) for line in readable])
        for line, cause in zip(readable, sent, strict=True):
            if cause is not None:
                raise ImportStopped(path, line.number, cause, line.number)
            records += line.raw is not None
            next_line = line.number + 1
        if window[-1].fault:
            raise ImportStopped(path, window[-1].number, window[-1].fault, window[-1].number)
        if on_progress is not None:
            on_progress(next_line - 1, window[-1].end)
    return Imported(records, next_line)


async def _publish(publisher: Publisher, line: _Line) -> str | None:
    """Why the line was not acknowledged; None: it was."""
    if line.raw is None:
        return None
    try:
        key, value, headers = inbox.encode(line.raw)
        await publisher.publish("inbox", key, value, headers)
    except (KafkaUnreachable, RecordTooLarge, inbox.UnreadableRecord) as error:
        return str(error)
    return None


def _take(lines: Iterator[_Line], count: int) -> list[_Line]:
    """The next lines, up to the first that cannot be read."""
    window: list[_Line] = []
    for line in lines:
        window.append(line)
        if line.fault or len(window) == count:
            break
    return window


def _lines(path: Path, adapters: Mapping[str, PlatformAdapter], now: int, from_line: int) -> Iterator[_Line]:
    end, number = 0, 0
    with path.open("rb") as file:
        while text := file.readline(_LONGEST_LINE):
            number += 1
            end += len(text)
            if number < from_line:
                continue
            if len(text) == _LONGEST_LINE and not text.endswith(b"\n"):
                yield _Line(number, end, None, f"a line of more than {_LONGEST_LINE} bytes")
                return
            if not text.strip():
                yield _Line(number, end, None)
                continue
            try:
                raw = _payload(text.strip(), now)
                adapter = adapters.get(raw.platform)
                if adapter is None:
                    raise Unreadable(
                        f"no plugin for platform {raw.platform!r}; there are {', '.join(sorted(adapters))}"
                    )
                adapter.parse(raw)
            except Unreadable as error:
                yield _Line(number, end, None, error.reason)
                return
            yield _Line(number, end, raw)


def _payload(text: bytes, now: int) -> RawPayload:
    found = read_json(text).value
    if not isinstance(found, dict):
        raise Unreadable("expected an object")
    if "type" in found:
        return RawPayload(platform=PLATFORM, source="import", name=_NAME, received_at=now, body=text)
    try:
        line = msgspec.convert(found, _RawLine)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from error
    return RawPayload(
        platform=line.platform,
        source="import",
        name=line.name,
        received_at=line.received_at,
        body=_body(line),
        headers=line.headers,
        endpoint=line.endpoint,
        items=line.items,
        status=line.status,
    )


def _body(line: _RawLine) -> bytes:
    given: list[Any] = [value for value in (line.body, line.body_base64) if value is not None]
    if len(given) != 1:
        raise Unreadable("expected one of body and body_base64")
    try:
        if line.body is not None:
            return line.body.encode()
        return base64.b64decode(given[0], validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Unreadable(f"body: {error}") from error
