"""Dead letters: what could not be processed, with the reason and the way back.

1. Key, value and headers are those of the source record, untouched; one more header, `dead`, says why and where from.
2. A letter's id is its coordinates: a worker that crashed and repeats itself writes the same letter again, and readers
   that keep ids see it once.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from tracker.domain.events import Instant
from tracker.topics import Stage

HEADER = "dead"
Headers = list[tuple[str, bytes]]


class UnreadableLetter(ValueError):
    """A record of the dead-letter topic that no worker wrote."""


class Origin(Struct, frozen=True, omit_defaults=True):
    """Why a record is here: where it was read, what refused it (`refused_by`: a plugin or a stage), when."""

    reason: str
    stage: Stage
    topic: str
    partition: int
    offset: int
    log: str
    refused_by: str
    at: Instant


class DeadLetter(Struct, frozen=True):
    """A record that could not be processed, whole."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def id(self) -> str:
        """`{stage}-{partition}-{offset}`, and the log's first characters: stable over repeats."""
        return f"{self.origin.stage}-{self.origin.partition}-{self.origin.offset}-{self.origin.log[:6]}"

    @property
    def where(self) -> str:
        return f"{self.origin.topic}[{self.origin.partition}]@{self.origin.offset}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Origin)


def encode(letter: DeadLetter) -> tuple[bytes | None, bytes, Headers]:
    """Key, value and headers of the record in the dead-letter topic."""
    return letter.key, letter.value or b"", [*letter.headers, (HEADER, _encoder.encode(letter.origin))]


def decode(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> DeadLetter:
    """Read a letter back. Raises UnreadableLetter."""
    kept: Headers = []
    origin: Origin | None = None
    for name, content in headers:
        if name == HEADER:
            try:
                origin = _decoder.decode(content)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise UnreadableLetter(f"its `{HEADER}` header: {error}") from error
        else:
            kept.append((name, content))
    if origin is None:
        raise UnreadableLetter(f"it has no `{HEADER}` header")
    return DeadLetter(origin, key, value, tuple(kept))
