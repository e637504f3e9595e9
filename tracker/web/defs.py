"""Definitions: read, checked, applied and deleted, as by the command line, with the same words.

1. What is read can be applied again as it is: YAML, or JSON of the same form (times in ISO 8601).
2. A text with a fault changes nothing; every fault is told with line, column and field.
3. Tokens are neither shown nor changed here; notifiers are shown to admins alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from tracker.definitions import book as books
from tracker.definitions import registry, writing
from tracker.definitions.fitting import Fitting
from tracker.definitions.reading import INSTANTS, SECTIONS, FaultyDefinitions, read_body
from tracker.definitions.references import Key
from tracker.domain.definitions import (
    Agreement,
    Campaign,
    Creator,
    Definition,
    DefinitionKind,
    Link,
    NotifierDefinition,
    RuleDefinition,
)
from tracker.ingest.http import FieldFault, Refused
from tracker.plugin.registry import Registry
from tracker.store.base import Partition
from tracker.web import examples
from tracker.web.problems import PlacedFault, bad_request, not_found
from tracker.web.query import Slug
from tracker.web.routes import Call, Raw, Route, Text

BODY = "body"
"""The name under which a body's faults are told."""
YAML = "application/yaml"
Kind = Literal["campaign", "creator", "agreement", "link", "rule", "notifier"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class DefinitionsQuery(Struct, frozen=True, kw_only=True):
    kind: Kind | None = None
    id: Slug | None = None
    format: Literal["json", "yaml"] = "json"


class Sections(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Definitions in the form that `apply` reads; a section without any is left out."""

    campaigns: tuple[dict[str, Any], ...] = ()
    creators: tuple[dict[str, Any], ...] = ()
    agreements: tuple[dict[str, Any], ...] = ()
    links: tuple[dict[str, Any], ...] = ()
    rules: tuple[dict[str, Any], ...] = ()
    notifiers: tuple[dict[str, Any], ...] = ()


class ApplyQuery(Struct, frozen=True, kw_only=True):
    dry_run: Annotated[bool, Meta(description="Say what would change, and change nothing.")] = False


class DeleteQuery(Struct, frozen=True, kw_only=True):
    also: (
        Annotated[str, Meta(max_length=4_000, description="More to delete in the same step: kind/id, comma separated.")]
        | None
    ) = None
    dry_run: Annotated[bool, Meta(description="Say what would change, and change nothing.")] = False


class Difference(Struct, frozen=True, kw_only=True):
    """A field that changes; instants as ms."""

    field: str
    before: Any
    after: Any


class StepView(Struct, frozen=True, kw_only=True):
    action: books.Action
    kind: DefinitionKind
    id: str
    fields: tuple[Difference, ...]


class Applied(Struct, frozen=True, kw_only=True):
    """What was done (or would be). `completed`: partitions that lacked an unchanged definition and were told of it."""

    steps: tuple[StepView, ...]
    written: int
    unchanged: int
    completed: int


async def read(call: Call) -> Sections | Raw:
    query: DefinitionsQuery = call.query
    found = [
        definition
        for key, definition in sorted(books.standing(call.parts.definitions.book).items())
        if query.kind in (None, key[0]) and query.id in (None, key[1]) and _shown(call, definition)
    ]
    if query.id is not None and not found:
        raise not_found(f"there is no definition `{query.id}`")
    if query.format == "yaml":
        return Raw(content=(await asyncio.to_thread(writing.to_yaml, found)).encode(), media_type=YAML)
    names = {kind: section for section, kind in SECTIONS.items()}
    sections: dict[str, list[dict[str, Any]]] = {}
    for definition in found:
        sections.setdefault(names[type(definition)], []).append(_entry(definition))
    return msgspec.convert(sections, Sections)


def _shown(call: Call, definition: Definition) -> bool:
    if type(definition) not in SECTIONS.values():
        return False
    if isinstance(definition, NotifierDefinition):
        return call.who.may("admin") and call.who.campaigns is None
    return call.who.campaigns is None or bool(_campaigns(call, definition) & call.who.campaigns)


def _campaigns(call: Call, definition: Definition) -> frozenset[str]:
    """The campaigns that a definition is of."""
    match definition:
        case Campaign():
            return frozenset({definition.id})
        case Creator():
            return call.index.campaigns_of(definition.id)
        case Agreement() | Link() | RuleDefinition(campaign=str()):
            return frozenset({str(definition.campaign)})
        case _:
            return frozenset()


def _entry(definition: Definition) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(definition)
    del plain["kind"]
    return {name: writing.instant(value) if name in INSTANTS else value for name, value in plain.items()}


def _read(content: bytes, book: books.Book, installed: Registry) -> list[Definition]:
    fits = Fitting(installed.rules, installed.notifiers).problems
    try:
        return read_body(content, BODY, books.standing(book), fits)
    except FaultyDefinitions as error:
        faults = [
            PlacedFault(fault.field, fault.problem, fault.file, fault.line, fault.column) for fault in error.faults
        ]
        raise Refused(422, "faulty_definitions", "nothing was changed", faults=faults) from error


async def validate(call: Call) -> Applied:
    return _foretold(await _planned(call))


async def apply(call: Call) -> Applied:
    steps = await _planned(call)
    if call.query.dry_run:
        return _foretold(steps)
    written = await _write(call, steps)
    same = [call.parts.definitions.book[step.key] for step in steps if step.action == "same"]
    completed = await _complete(call, {(change.kind, change.id): change for change in same})
    return _done(steps, written, completed)


async def _planned(call: Call) -> list[books.Step]:
    body: Text = call.body
    book = dict(call.parts.definitions.book)
    # A file of many thousand lines is read for seconds: on a thread, so that nobody else waits.
    definitions = await asyncio.to_thread(_read, body.content, book, call.parts.plugins)
    return books.plan(book, definitions)


async def delete(call: Call) -> Applied:
    query: DeleteQuery = call.query
    named = [f"{call.path['kind']}/{call.path['id']}", *(query.also.split(",") if query.also else ())]
    keys = [_key(name) for name in named]
    try:
        steps = books.plan_deletion(call.parts.definitions.book, list(dict.fromkeys(keys)))
    except books.NoSuchDefinition as error:
        raise not_found(f"no {error.key[0]} `{error.key[1][:100]}`. Nothing was deleted") from error
    except books.StillNeeded as error:
        raise Refused(409, "still_needed", str(error)) from error
    if query.dry_run:
        return _foretold(steps)
    return _done(steps, await _write(call, steps), 0)


def _key(name: str) -> Key:
    kind, _, id = name.strip().partition("/")
    for known in KINDS:
        if kind in (known, f"{known}s") and id:
            return known, id
    fault = FieldFault("also", f"`{name[:100]}`: write kind/id. Kinds: {', '.join(KINDS)}")
    raise bad_request(
        "bad_parameter", "no such kind of definition; tokens are revoked by `tracker token revoke`", fault
    )


async def _write(call: Call, steps: Sequence[books.Step]) -> int:
    parts = call.parts
    written = await registry.write(parts.publisher, parts.topics, steps, at=call.now, told=lambda _step: None)
    for change in written:
        parts.definitions.take(change)  # the book is followed anyway; so whoever wrote it reads it at once
    return len(written)


async def _complete(call: Call, wanted: books.Book) -> int:
    """Give every partition that has not counted one of these the ones that it lacks; how many were sent."""
    sent = 0
    if wanted:
        for stage in registry.CANONICAL:
            for number in range(call.parts.topics.partitions):
                head = await call.parts.store.open(Partition(stage, number))
                lacking = books.missing(wanted, registry.known_versions(head.definitions))
                await registry.complete(call.parts.publisher, stage, number, lacking)
                sent += len(lacking)
    return sent


def _foretold(steps: Sequence[books.Step]) -> Applied:
    return _done(steps, 0, 0)


def _done(steps: Sequence[books.Step], written: int, completed: int) -> Applied:
    return Applied(
        steps=tuple(
            StepView(
                action=step.action,
                kind=step.key[0],
                id=step.key[1],
                fields=tuple(
                    Difference(field=name, before=msgspec.to_builtins(before), after=msgspec.to_builtins(after))
                    for name, (before, after) in step.fields.items()
                ),
            )
            for step in steps
        ),
        written=written,
        unchanged=sum(step.action == "same" for step in steps),
        completed=completed,
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/definitions",
        role="viewer",
        reach="filtered",
        tag="definitions",
        summary="What is defined, in the form that apply reads",
        query=DefinitionsQuery,
        answer=Sections,
        yaml=True,
        errors=(404,),
        handler=read,
    ),
    Route(
        method="POST",
        path="/v1/definitions:validate",
        role="admin",
        reach="installation",
        tag="definitions",
        summary="Check definitions, and say what applying them would change",
        body=Text,
        body_example=examples.DEFINITIONS,
        answer=Applied,
        handler=validate,
    ),
    Route(
        method="POST",
        path="/v1/definitions:apply",
        role="admin",
        reach="installation",
        tag="definitions",
        summary="Make definitions so",
        description="Applying the same again changes nothing. What is not named is left alone. If Kafka goes away "
        "halfway (503), what came before is written: apply the same again.",
        query=ApplyQuery,
        body=Text,
        body_example=examples.DEFINITIONS,
        answer=Applied,
        handler=apply,
    ),
    Route(
        method="DELETE",
        path="/v1/definitions/{kind}/{id}",
        role="admin",
        reach="installation",
        tag="definitions",
        summary="Delete a definition; what others still name is not deleted alone",
        choices={"kind": KINDS},
        query=DeleteQuery,
        answer=Applied,
        errors=(404, 409),
        handler=delete,
    ),
)
