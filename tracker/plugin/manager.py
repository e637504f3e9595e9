"""Loading plugins: the only place that knows pluggy's manager and the entry points.

1. Everything happens once, at start. What is handed out is frozen.
2. A plugin that cannot be loaded, declares a hook that does not exist, or offers what is no adapter, rule or notifier
   stops the start; the error names the plugin, its distribution and version.
3. Two plugins with one name, or two adapters (rules, notifiers) with one name, stop the start; both are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, cast, get_args

import pluggy
from msgspec import NODEFAULT, structs

from tracker.domain.alerts import Timing, What
from tracker.domain.verdicts import CATEGORIES, SEVERITIES
from tracker.plugin import hookspecs
from tracker.plugin.api import PlatformAdapter
from tracker.plugin.registry import PluginInfo, Registry
from tracker.plugin.rules import Kind, RuleSettings

GROUP = "tracker.plugins"

_PLATFORM_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_RULE_NAME = re.compile(r"[a-z]+\.[a-z][a-z0-9_]{0,63}", re.ASCII)
_METHODS = ("verify", "handshake", "parse", "requests", "follow_up", "quota")


class PluginError(Exception):
    """A plugin stops the start. `plugin` and, where two collide, `other` say whose it is."""

    def __init__(self, plugin: PluginInfo, fault: str, next_step: str, *, other: PluginInfo | None = None) -> None:
        super().__init__(f"plugin {plugin}: {fault}. Nothing was started. {next_step}")
        self.plugin = plugin
        self.other = other
        self.fault = fault


def load_plugins(found: Iterable[EntryPoint] | None = None) -> Registry:
    """Load every plugin of the entry-point group `tracker.plugins` (or of `found`). Raises PluginError."""
    points = sorted(entry_points(group=GROUP) if found is None else found, key=lambda point: point.name)
    manager = pluggy.PluginManager(hookspecs.NAMESPACE)
    manager.add_hookspecs(hookspecs)
    infos: dict[str, PluginInfo] = {}
    for point in points:
        info = _info(point)
        if point.name in infos:
            raise PluginError(
                info,
                f"its name is also that of {infos[point.name]}",
                "Uninstall one of the two, or rename its entry point.",
                other=infos[point.name],
            )
        infos[point.name] = info
        _register(manager, point, info)
    _refuse_unknown_hooks(manager, infos)
    return _collect(manager, infos)


def _info(point: EntryPoint) -> PluginInfo:
    distribution, version = (point.dist.name, point.dist.version) if point.dist else ("no distribution", "unknown")
    return PluginInfo(name=point.name, distribution=distribution, version=version)


def _register(manager: pluggy.PluginManager, point: EntryPoint, info: PluginInfo) -> None:
    try:
        plugin = point.load()
    except Exception as error:  # whatever a foreign module raises while it is imported, its name must be told
        raise PluginError(
            info, f"{point.value} cannot be imported: {type(error).__name__}: {error}", "Fix or uninstall it."
        ) from error
    try:
        manager.register(plugin, name=point.name)
    except ValueError as error:  # the same module under two names
        raise PluginError(info, str(error), "Keep one entry point for each module.") from error
    except pluggy.PluginValidationError as error:
        raise PluginError(info, str(error), "See docs/reference/hooks.md for each hook's arguments.") from error


def _refuse_unknown_hooks(manager: pluggy.PluginManager, infos: dict[str, PluginInfo]) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        name = manager.get_name(error.plugin) or ""
        raise PluginError(infos[name], str(error), "See docs/reference/hooks.md for the hooks there are.") from error


def _collect(manager: pluggy.PluginManager, infos: dict[str, PluginInfo]) -> Registry:
    platforms = _named("platform", manager.hook.tracker_platforms, _checked_name, infos)
    rules = _named("rule", manager.hook.tracker_rules, checked_rule, infos)
    notifiers = _named("notifier", manager.hook.tracker_notifiers, checked_notifier, infos)

    def offered(kind: Mapping[str, tuple[Any, PluginInfo]], info: PluginInfo) -> tuple[str, ...]:
        return tuple(name for name, (_, owner) in kind.items() if owner.name == info.name)

    return Registry(
        platforms=MappingProxyType({name: adapter for name, (adapter, _) in platforms.items()}),
        rules=MappingProxyType({name: rule for name, (rule, _) in rules.items()}),
        notifiers=MappingProxyType({name: notifier for name, (notifier, _) in notifiers.items()}),
        plugins=tuple(
            structs.replace(
                info,
                platforms=offered(platforms, info),
                rules=offered(rules, info),
                notifiers=offered(notifiers, info),
            )
            for info in infos.values()
        ),
    )


def _named(
    kind: str, hook: pluggy.HookCaller, checked_name: Callable[[Any, PluginInfo], str], infos: dict[str, PluginInfo]
) -> dict[str, tuple[Any, PluginInfo]]:
    """What all plugins offer through one hook, by name, with whose it is. Raises PluginError."""
    found: dict[str, tuple[Any, PluginInfo]] = {}
    for implementation in sorted(hook.get_hookimpls(), key=lambda each: each.plugin_name):
        info = infos[implementation.plugin_name]
        # Called one by one rather than through the hook, so that an error is its plugin's and nobody else's.
        for offer in _offered(hook.name, implementation, info):
            name = checked_name(offer, info)
            if name in found:
                other = found[name][1]
                raise PluginError(
                    info,
                    f"it offers the {kind} {name!r}, and so does plugin {other}",
                    "Uninstall one of the two.",
                    other=other,
                )
            found[name] = (offer, info)
    return found


def _offered(hook: str, implementation: pluggy.HookImpl, info: PluginInfo) -> Sequence[Any]:
    try:
        offer = cast("Callable[[], Iterable[Any]]", implementation.function)
        return list(offer())
    except Exception as error:  # as in _register: a foreign function may raise anything
        raise PluginError(info, f"{hook} failed: {type(error).__name__}: {error}", "Fix or uninstall it.") from error


def _checked_name(adapter: PlatformAdapter, info: PluginInfo) -> str:
    """The adapter's platform name, once everything an adapter has is found on it."""
    name = getattr(adapter, "name", None)
    if not isinstance(name, str) or not _PLATFORM_NAME.fullmatch(name):
        raise PluginError(
            info,
            f"an adapter's name is {name!r}; a platform's name is lower case letters, digits and _",
            "Rename it.",
        )
    absent = [method for method in _METHODS if not callable(getattr(adapter, method, None))]
    absent += [attribute for attribute in PlatformAdapter.__annotations__ if not hasattr(adapter, attribute)]
    if absent:
        raise PluginError(
            info,
            f"the adapter of {name!r} lacks {', '.join(absent)}",
            "See tracker.plugin.api.PlatformAdapter, and inherit tracker.plugin.testing.AdapterContract in its tests.",
        )
    unbatched = sorted(kind for kind in adapter.polls if adapter.batch.get(kind, 0) < 1)
    if unbatched:
        raise PluginError(info, f"the adapter of {name!r} polls {unbatched} without a batch size", "Add it to `batch`.")
    return name


def checked_rule(rule: Any, info: PluginInfo) -> str:
    """The rule's name, once everything a rule has is found on it. Raises PluginError."""
    name = getattr(rule, "name", None)
    category = getattr(rule, "category", None)
    if not isinstance(name, str) or not _RULE_NAME.fullmatch(name) or name.partition(".")[0] != category:
        raise PluginError(
            info, f"a rule's name is {name!r}; it is `<category>.<what>`, here of category {category!r}", "Rename it."
        )
    faults = [what for what, is_right in _RULE_PARTS.items() if not is_right(getattr(rule, what, None))]
    if not faults and (rule.about == "pipeline") != (category == "system"):
        faults = ["about (rules about the pipeline, and only these, are of category `system`)"]
    if not faults:
        faults = [f"settings ({fault})" for fault in _faulty_settings(rule.settings)]
    if faults:
        raise PluginError(
            info,
            f"the rule {name!r} lacks, or has wrong, {', '.join(faults)}",
            "See tracker.plugin.rules, and inherit tracker.plugin.testing_rules.RuleContract in its tests.",
        )
    return name


def checked_notifier(notifier: Any, info: PluginInfo) -> str:
    """The notifier's name, once everything a notifier has is found on it. Raises PluginError."""
    name = getattr(notifier, "name", None)
    if not isinstance(name, str) or not _PLATFORM_NAME.fullmatch(name):
        raise PluginError(info, f"a notifier's name is {name!r}; it is lower case letters, digits and _", "Rename it.")
    faults = [method for method in ("check", "send", "meaning") if not callable(getattr(notifier, method, None))]
    tells = getattr(notifier, "tells", None)
    if not isinstance(tells, frozenset) or not tells or tells - set(get_args(What)):
        faults.append("tells")
    if faults:
        raise PluginError(
            info, f"the notifier {name!r} lacks, or has wrong, {', '.join(faults)}", "See tracker.plugin.notifiers."
        )
    return name


def _faulty_settings(settings: type[RuleSettings]) -> list[str]:
    return [
        f"{each.name} has no default"
        for each in structs.fields(settings)
        if each.default is NODEFAULT and each.default_factory is NODEFAULT
    ]


_RULE_PARTS: Mapping[str, Callable[[Any], bool]] = {
    "title": lambda title: isinstance(title, Mapping) and bool(title.get("en")),
    "category": lambda category: category in CATEGORIES,
    "kind": lambda kind: kind in get_args(Kind),
    "severity": lambda severity: severity in SEVERITIES,
    "timing": lambda timing: isinstance(timing, Timing),
    "settings": lambda settings: isinstance(settings, type) and issubclass(settings, RuleSettings),
    "about": lambda about: about in ("campaign", "pipeline"),
    "judge": callable,
}
