"""The hook `tracker_notifiers`: what is taken, and what is refused by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from tracker.domain.alerts import What
from tracker.plugin import hookimpl
from tracker.plugin.manager import GROUP, PluginError, load_plugins
from tracker.plugin.notifiers import Answer, Delivered, HttpSend, Meaning, Notice, NotifierDefinition, Send


class Pager:
    name = "pager"
    tells: frozenset[What] = frozenset({"firing"})

    def check(self, definition: NotifierDefinition, secrets: Sequence[str]) -> None:
        """Everything is fit."""

    def send(self, notice: Notice, definition: NotifierDefinition, secrets: Sequence[str], now: int) -> Send:
        return HttpSend(url=definition.to, body=b"")

    def meaning(self, answer: Answer) -> Meaning:
        return Delivered()


@pytest.fixture
def offering() -> Iterator[Any]:
    made: list[str] = []

    def plugin(name: str, *notifiers: object) -> EntryPoint:
        @hookimpl
        def tracker_notifiers() -> list[Any]:
            return list(notifiers)

        module = ModuleType(f"made_up_notifiers_{name}")
        vars(module)["tracker_notifiers"] = tracker_notifiers
        sys.modules[module.__name__] = module
        made.append(module.__name__)
        return EntryPoint(name, module.__name__, GROUP)

    yield plugin
    for name in made:
        del sys.modules[name]


def test_the_built_in_notifiers_are_found_as_a_third_partys_would_be() -> None:
    assert {"webhook", "slack", "email"} <= set(load_plugins().notifiers)


def test_a_notifier_is_found_by_its_name_and_told_whose_it_is(offering: Any) -> None:
    notifier: Any = Pager()
    registry = load_plugins([offering("pager", notifier)])
    assert dict(registry.notifiers) == {"pager": notifier}
    assert [plugin.notifiers for plugin in registry.plugins] == [("pager",)]


def test_two_notifiers_of_one_name_are_refused_and_both_plugins_named(offering: Any) -> None:
    with pytest.raises(PluginError) as error:
        load_plugins([offering("first", Pager()), offering("second", Pager())])
    assert "first" in str(error.value)
    assert "second" in str(error.value)


@pytest.mark.parametrize(
    ("part", "value"),
    [("tells", frozenset()), ("tells", {"firing"}), ("tells", frozenset({"shouted"})), ("check", None), ("send", None)],
)
def test_what_a_notifier_has_wrong_is_named(offering: Any, part: str, value: object) -> None:
    notifier = Pager()
    setattr(notifier, part, value)
    with pytest.raises(PluginError) as error:
        load_plugins([offering("pager", notifier)])
    assert part in error.value.fault


@pytest.mark.parametrize("name", ["Pager", "", None, "pa ger"])
def test_a_notifiers_name_is_a_plain_word(offering: Any, name: Any) -> None:
    notifier = Pager()
    notifier.name = name
    with pytest.raises(PluginError, match="a notifier's name"):
        load_plugins([offering("pager", notifier)])
