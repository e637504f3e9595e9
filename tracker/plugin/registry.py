"""What the loaded plugins offer, frozen: the hot path looks here and never calls a hook."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from tracker.plugin.api import PlatformAdapter
from tracker.plugin.notifiers import Notifier
from tracker.plugin.rules import Rule


class PluginInfo(Struct, frozen=True, kw_only=True):
    """One loaded plugin: its entry point's name, where it came from, and what it offers."""

    name: str
    distribution: str
    version: str
    platforms: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    notifiers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


class Registry(Struct, frozen=True, kw_only=True):
    """Frozen look-ups. `platforms`: the adapter of each platform name. `rules`: the rule of each name.
    `notifiers`: the notifier of each type.
    """

    platforms: Mapping[str, PlatformAdapter] = MappingProxyType({})
    rules: Mapping[str, Rule] = MappingProxyType({})
    notifiers: Mapping[str, Notifier] = MappingProxyType({})
    plugins: tuple[PluginInfo, ...] = ()
