"""The table of routes: for each the least role, whose data it shows, what it takes and what it answers.

1. What is not in a table is not served under /v1/; what is in it is guarded, checked and documented from its row alone.
2. `reach` says how a token that is limited to campaigns is kept to them: `campaign`: the address names one, and any
   other is 404; `filtered`: the handler shows only what it may; `installation`: such a token is refused (403);
   `self`: the answer is about the token alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from tracker.ingest.http import Refused
from tracker.web.index import Index
from tracker.web.parts import ApiParts
from tracker.web.problems import not_found
from tracker.web.tokens import Principal, Role

Reach = Literal["campaign", "filtered", "installation", "self"]
Method = Literal["GET", "POST", "DELETE"]


class NoQuery(Struct, frozen=True, kw_only=True):
    """No parameter at all."""


class Call(Struct, frozen=True, kw_only=True):
    """One request, authorised and read. `query` and `body` are of the types that its route names."""

    parts: ApiParts
    index: Index
    who: Principal
    path: Mapping[str, str]
    query: Any
    body: Any
    address: str
    now: int

    def campaign(self, id: str) -> None:
        """Refuse (404) a campaign that is not defined, or that this token may not see: both in the same words."""
        if not self.who.sees(id) or id not in self.parts.definitions.rules.campaigns:
            raise not_found(f"there is no campaign `{id[:100]}`")


class Text(Struct, frozen=True):
    """A body that is a text of definitions (YAML or JSON), not a JSON object of ours."""

    content: bytes


class Raw(Struct, frozen=True):
    """An answer that is no JSON of ours."""

    content: bytes
    media_type: str


class Route(Struct, frozen=True, kw_only=True):
    """One row. `answer` None: an answer without a body (204). `errors`: statuses besides those that follow from it."""

    method: Method
    path: str
    role: Role
    reach: Reach
    tag: str
    summary: str
    handler: Callable[[Call], Awaitable[Any]]
    answer: type | None
    description: str = ""
    query: type[Struct] = NoQuery
    body: type[Struct] | None = None
    status: int = 200
    example: Any = None
    body_example: Any = None
    errors: tuple[int, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = {}
    """What a name in its path may be, where that is not anything."""
    media: str = "application/json"
    medias: tuple[str, ...] = ()
    """What else it may answer, by its query."""
    yaml: bool = False
    """Whether it may also answer YAML."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in its path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def merged(tables: Sequence[Sequence[Route]]) -> tuple[Route, ...]:
    """One table of several. Raises ValueError for two rows with one method and path."""
    rows = tuple(row for table in tables for row in table)
    names = [row.name for row in rows]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"two routes with one name: {', '.join(sorted(twice))}")
    return rows


__all__ = ["Call", "Method", "NoQuery", "Raw", "Reach", "Refused", "Route", "Text", "merged"]
