"""What is expected to go wrong, told in words; anything else is a fault of ours and shows its trace."""

from __future__ import annotations

from rich.markup import escape

from tracker.audit import AuditImpossible, LogUnreadable
from tracker.cli import common
from tracker.dead_letters import LettersCutShort
from tracker.definitions.book import NoSuchDefinition, StillNeeded
from tracker.definitions.registry import RegistryUnreadable
from tracker.ingest.importer import ImportStopped
from tracker.ingest.publisher import KafkaUnreachable
from tracker.ingest.receiver import UnfitSettings
from tracker.kafka_admin import KafkaDown, UnfitTopics
from tracker.plugin.manager import PluginError
from tracker.settings_load import BadSettings
from tracker.store.base import StoreUnreachable, UnfitStore
from tracker.store.views import ViewInUse, ViewMoved
from tracker.stream.rebuild import RebuildImpossible

EXPECTED = (
    ImportStopped,
    UnfitSettings,
    AuditImpossible,
    BadSettings,
    KafkaDown,
    KafkaUnreachable,
    LettersCutShort,
    LogUnreadable,
    NoSuchDefinition,
    PluginError,
    RebuildImpossible,
    RegistryUnreadable,
    StillNeeded,
    StoreUnreachable,
    UnfitStore,
    UnfitTopics,
    ViewInUse,
    ViewMoved,
)


def explain(error: Exception) -> None:
    """Print an expected error for a person."""
    common.err.print(f"[red]error:[/] {escape(str(error))}")
