"""The pipeline from outside, its dead letters, and who asks."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from tracker.codec.dead import DeadLetter
from tracker.dead_letters import replay_letters
from tracker.domain.events import Instant
from tracker.ingest.http import FieldFault, Refused
from tracker.status import PartitionStatus
from tracker.web.lists import chosen
from tracker.web.problems import not_found
from tracker.web.query import Paged
from tracker.web.routes import Call, Route
from tracker.web.tokens import Role

SHOWN_BYTES = 65_536


class PluginView(Struct, frozen=True, kw_only=True):
    name: str
    distribution: str
    version: str
    platforms: tuple[str, ...]
    rules: tuple[str, ...]


class PartitionView(Struct, frozen=True, kw_only=True):
    """One partition: counted up to `next_offset`, of `end` in its log. `observed_at` null: nothing was counted yet.

    `foreign`: its cursor is of another log than the topic there now (tracker rebuild).
    """

    stage: str
    number: int
    next_offset: int
    end: int
    lag: int
    per_second: Annotated[str, Meta(description="records counted a second, a decimal")]
    observed_at: Instant | None
    age_ms: int | None
    foreign: bool


class PipelineView(Struct, frozen=True, kw_only=True):
    """How the installation does. The look is at most some seconds old (api.status_seconds)."""

    view: str
    lag: int
    dead: int
    partitions: tuple[PartitionView, ...]
    plugins: tuple[PluginView, ...]


class LettersQuery(Paged, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(min_length=1, max_length=200, description="Part of the reason.")] | None = None
    stage: Annotated[str, Meta(pattern="^(inbox|activity|commerce)$")] | None = None


class LetterSummary(Struct, frozen=True, kw_only=True):
    id: str
    reason: str
    stage: str
    topic: str
    partition: int
    offset: int
    log: str
    refused_by: str
    at: Instant


class LetterPage(Struct, frozen=True, kw_only=True):
    """Dead letters, the newest first."""

    items: tuple[LetterSummary, ...]
    next: str | None


class LetterHeader(Struct, frozen=True, kw_only=True):
    """A header of the record; bytes that are no text are written as escapes."""

    name: str
    value: str


class LetterDetail(Struct, frozen=True, kw_only=True):
    """One letter with the record that it is about. `text` null: it is no UTF-8 text. At most 64 KiB are shown."""

    letter: LetterSummary
    key: str | None
    headers: tuple[LetterHeader, ...]
    size: int
    base64: str
    text: str | None


class ReplayBody(Struct, frozen=True, kw_only=True):
    """Which letters to put back."""

    ids: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(min_length=1, max_length=1_000)]


class Replayed(Struct, frozen=True, kw_only=True):
    """The letters that were put back where they came from. What was counted already is not counted twice."""

    ids: tuple[str, ...]


class Me(Struct, frozen=True, kw_only=True):
    """The token that asks. `campaigns` null: all."""

    id: str
    role: Role
    campaigns: tuple[str, ...] | None
    expires_at: Instant
    note: str


async def pipeline(call: Call) -> PipelineView:
    seen = await call.parts.look()
    foreign = set(seen.foreign)
    return PipelineView(
        view=seen.view,
        lag=seen.lag,
        dead=seen.dead,
        partitions=tuple(_partition(each, call.now, foreign=each.partition in foreign) for each in seen.partitions),
        plugins=tuple(
            PluginView(
                name=info.name,
                distribution=info.distribution,
                version=info.version,
                platforms=info.platforms,
                rules=info.rules,
            )
            for info in call.parts.plugins.plugins
        ),
    )


def _partition(each: PartitionStatus, now: Instant, *, foreign: bool) -> PartitionView:
    return PartitionView(
        stage=each.partition.stage,
        number=each.partition.number,
        next_offset=each.cursor.next_offset,
        end=each.end,
        lag=each.lag,
        per_second=f"{each.per_second:.1f}",
        observed_at=each.observed_at,
        age_ms=None if each.observed_at is None else max(0, now - each.observed_at),
        foreign=foreign,
    )


async def letters(call: Call) -> LetterPage:
    query: LettersQuery = call.query
    rows = sorted(
        (
            ((-letter.origin.at, letter.id), letter)
            for letter in await call.parts.letters()
            if (query.reason is None or query.reason in letter.origin.reason)
            and query.stage in (None, letter.origin.stage)
        ),
        key=lambda row: row[0],
    )
    found, following = chosen(call, rows)
    return LetterPage(items=tuple(map(_summary, found)), next=following)


async def letter(call: Call) -> LetterDetail:
    (found,) = _named(await call.parts.letters(), [call.path["letter"]])
    value = found.value or b""
    shown = value[:SHOWN_BYTES]
    return LetterDetail(
        letter=_summary(found),
        key=None if found.key is None else _text(found.key),
        headers=tuple(LetterHeader(name=name, value=_text(content)) for name, content in found.headers),
        size=len(value),
        base64=base64.b64encode(shown).decode(),
        text=_utf8(shown),
    )


async def replay(call: Call) -> Replayed:
    body: ReplayBody = call.body
    known = {letter.id: letter for letter in await call.parts.letters()}
    unknown = [id for id in body.ids if id not in known]
    if unknown:
        faults = [FieldFault("ids", f"no dead letter `{id}`") for id in unknown[:20]]
        raise Refused(422, "bad_body", "nothing was put back: see GET /v1/dead-letters", faults=faults)
    chosen_ids = tuple(dict.fromkeys(body.ids))
    await replay_letters(call.parts.publisher, [known[id] for id in chosen_ids])
    return Replayed(ids=chosen_ids)


def _named(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    known = {letter.id: letter for letter in letters}
    if any(id not in known for id in ids):
        raise not_found("there is no such dead letter")
    return [known[id] for id in ids]


def _summary(letter: DeadLetter) -> LetterSummary:
    origin = letter.origin
    return LetterSummary(
        id=letter.id,
        reason=origin.reason,
        stage=origin.stage,
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        log=origin.log,
        refused_by=origin.refused_by,
        at=origin.at,
    )


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")


def _utf8(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


async def me(call: Call) -> Me:
    who = call.who
    return Me(
        id=who.id,
        role=who.role,
        campaigns=None if who.campaigns is None else tuple(sorted(who.campaigns)),
        expires_at=who.expires_at,
        note=who.note,
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/pipeline",
        role="viewer",
        reach="installation",
        tag="operation",
        summary="Lag, cursors, rates, ages, plugins",
        answer=PipelineView,
        handler=pipeline,
    ),
    Route(
        method="GET",
        path="/v1/dead-letters",
        role="operator",
        reach="installation",
        tag="operation",
        summary="List what could not be processed, the newest first",
        query=LettersQuery,
        answer=LetterPage,
        handler=letters,
    ),
    Route(
        method="GET",
        path="/v1/dead-letters/{letter}",
        role="operator",
        reach="installation",
        tag="operation",
        summary="One dead letter, with the record that it is about",
        answer=LetterDetail,
        errors=(404,),
        handler=letter,
    ),
    Route(
        method="POST",
        path="/v1/dead-letters:replay",
        role="operator",
        reach="installation",
        tag="operation",
        summary="Put letters back where they came from",
        body=ReplayBody,
        body_example={"ids": ["inbox-3-1204-ab12cd"]},
        status=202,
        answer=Replayed,
        handler=replay,
    ),
    Route(
        method="GET",
        path="/v1/me",
        role="viewer",
        reach="self",
        tag="operation",
        summary="The token that asks: its role, its campaigns, its end",
        answer=Me,
        handler=me,
    ),
)
