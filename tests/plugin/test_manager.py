from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tracker.plugin import hookimpl
from tracker.plugin.manager import GROUP, PluginError, load_plugins
from tracker_direct.adapter import Direct


class Pebble(Direct):
    name = "pebble"


class Modules:
    """Plugin modules made up for one test, importable by name for as long as it runs."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def plugin(self, name: str, *adapters: object, module: str | None = None, **members: object) -> EntryPoint:
        module_name = module or f"made_up_{name}"

        @hookimpl
        def tracker_platforms() -> list[Any]:
            return list(adapters)

        made = ModuleType(module_name)
        vars(made).update({"tracker_platforms": tracker_platforms} if adapters else {}, **members)
        sys.modules[module_name] = made
        self.made.append(module_name)
        return EntryPoint(name, module_name, GROUP)


@pytest.fixture
def modules() -> Iterator[Modules]:
    found = Modules()
    yield found
    for name in found.made:
        del sys.modules[name]


def refused(*points: EntryPoint) -> PluginError:
    with pytest.raises(PluginError) as error:
        load_plugins(points)
    return error.value


def test_the_built_in_platforms_are_found_as_a_third_partys_would_be() -> None:
    registry = load_plugins()
    assert {"direct", "instagram", "tiktok", "youtube"} <= set(registry.platforms)
    assert {plugin.name: plugin.distribution for plugin in registry.plugins}["tiktok"] == "campaign-tracker"
    assert all(name == adapter.name for name, adapter in registry.platforms.items())


def test_the_built_in_plugins_stand_in_the_entry_points_of_the_distribution() -> None:
    assert {"direct", "instagram", "tiktok", "youtube"} <= set(entry_points(group=GROUP).names)


def test_what_is_loaded_is_frozen(modules: Modules) -> None:
    registry = load_plugins([modules.plugin("pebble", Pebble())])
    with pytest.raises(TypeError):
        registry.platforms["other"] = Pebble()  # type: ignore[index]
    with pytest.raises(AttributeError):
        registry.platforms = {}  # type: ignore[misc]


def test_plugins_are_loaded_in_the_order_of_their_names(modules: Modules) -> None:
    second, first = modules.plugin("zebra", Pebble()), modules.plugin("ant", Direct())
    assert [plugin.name for plugin in load_plugins([second, first]).plugins] == ["ant", "zebra"]


def test_two_plugins_with_one_name_are_refused_and_both_named(modules: Modules) -> None:
    error = refused(
        modules.plugin("pebble", Pebble(), module="made_up_one"),
        modules.plugin("pebble", Direct(), module="made_up_two"),
    )
    assert error.other is not None
    assert (error.plugin.name, error.other.name) == ("pebble", "pebble")


def test_two_adapters_with_one_platform_name_are_refused_and_both_plugins_named(modules: Modules) -> None:
    error = refused(modules.plugin("one", Pebble()), modules.plugin("two", Pebble()))
    assert error.other is not None
    assert {error.plugin.name, error.other.name} == {"one", "two"}
    assert "'pebble'" in str(error)


def test_one_module_under_two_names_is_refused(modules: Modules) -> None:
    point = modules.plugin("one", Pebble())
    assert refused(point, EntryPoint("two", point.value, GROUP)).plugin.name == "two"


def test_a_misspelt_hook_is_refused_and_its_plugin_named(modules: Modules) -> None:
    @hookimpl
    def tracker_platfroms() -> list[object]:
        return []

    error = refused(modules.plugin("typo", tracker_platfroms=tracker_platfroms))
    assert error.plugin.name == "typo"
    assert "tracker_platfroms" in str(error)


def test_a_hook_with_an_argument_that_does_not_exist_is_refused(modules: Modules) -> None:
    @hookimpl
    def tracker_platforms(everything: object) -> list[object]:
        return [everything]

    error = refused(modules.plugin("greedy", tracker_platforms=tracker_platforms))
    assert error.plugin.name == "greedy"
    assert "everything" in str(error)


def test_a_plugin_that_cannot_be_imported_is_named_with_the_reason() -> None:
    error = refused(EntryPoint("ghost", "no_such_module_of_ours", GROUP))
    assert error.plugin.name == "ghost"
    assert "No module named" in str(error)


def test_a_hook_that_raises_is_its_plugins_and_nobody_elses(modules: Modules) -> None:
    @hookimpl
    def tracker_platforms() -> list[object]:
        raise RuntimeError("synthetic failure")

    error = refused(modules.plugin("fine", Pebble()), modules.plugin("sick", tracker_platforms=tracker_platforms))
    assert error.plugin.name == "sick"
    assert isinstance(error.__cause__, RuntimeError)


def test_an_error_names_distribution_and_version_and_what_to_do(tmp_path: Path) -> None:
    info = tmp_path / "tracker_sick-7.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tracker-sick\nVersion: 7.1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nsick = no_such_module_of_ours\n")
    sys.path.insert(0, str(tmp_path))
    try:
        [point] = [each for each in entry_points(group=GROUP) if each.name == "sick"]
        error = refused(point)
    finally:
        sys.path.remove(str(tmp_path))
    assert str(error).startswith("plugin sick (tracker-sick 7.1): ")
    assert str(error).endswith("Nothing was started. Fix or uninstall it.")


@pytest.mark.parametrize("name", ["Pebble", "", "pe bble", "1pebble", "p" * 33, None])
def test_a_platform_name_that_no_fact_could_carry_is_refused(modules: Modules, name: object) -> None:
    adapter = Pebble()
    adapter.name = name  # type: ignore[assignment]
    assert refused(modules.plugin("odd", adapter)).plugin.name == "odd"


def test_an_adapter_that_lacks_something_is_refused_and_told_what(modules: Modules) -> None:
    class Half:
        name = "half"
        polls: frozenset[str] = frozenset()

        def parse(self, raw: object) -> list[object]:
            return [raw]

    error = refused(modules.plugin("half", Half()))
    assert "verify" in error.fault
    assert "kept_headers" in error.fault


def test_an_adapter_that_polls_without_a_batch_size_is_refused(modules: Modules) -> None:
    adapter = Pebble()
    adapter.polls = frozenset({"post"})
    assert "batch" in refused(modules.plugin("pebble", adapter)).fault
