"""What is expected to go wrong, told in words; anything else is a fault of ours and shows its trace.

The classes are named, not imported: one can only have been raised where its module is loaded already, and a command
that needs neither Kafka nor Redis starts without their libraries.
"""

from __future__ import annotations

from typing import Final

EXPECTED: Final = frozenset(
    {
        "tracker.audit.log.LogUnreadable",
        "tracker.audit.report.AuditImpossible",
        "tracker.cli.common.Impossible",
        "tracker.dead_letters.LettersCutShort",
        "tracker.definitions.book.NoSuchDefinition",
        "tracker.definitions.book.StillNeeded",
        "tracker.definitions.registry.RegistryUnreadable",
        "tracker.ingest.importer.ImportStopped",
        "tracker.ingest.publisher.KafkaUnreachable",
        "tracker.following.CannotFollow",
        "tracker.notify.desk.NoSuchNotifier",
        "tracker.notify.desk.NotReplayed",
        "tracker.notify.service.CannotRead",
        "tracker.settings.UnfitSettings",
        "tracker.kafka_admin.KafkaDown",
        "tracker.kafka_admin.UnfitTopics",
        "tracker.plugin.manager.PluginError",
        "tracker.settings_load.BadSettings",
        "tracker.store.base.ApplyRefused",
        "tracker.store.base.StoreUnreachable",
        "tracker.store.base.UnfitStore",
        "tracker.store.views.ViewInUse",
        "tracker.store.views.ViewMoved",
        "tracker.stream.cursors.LogChanged",
        "tracker.stream.cursors.TopicsChanged",
        "tracker.stream.letters.TooManyDeadLetters",
        "tracker.stream.rebuild.RebuildImpossible",
        "tracker.sending.NotSent",
        "tracker.stream.transport.AssignmentFailed",
        "tracker.stream.transport.CursorOutOfRange",
        "tracker.watch.acts.ActUnreadable",
        "tracker.web.alertbook.AlertUnreadable",
        "tracker.web.service.CannotServe",
    }
)


def is_expected(error: BaseException) -> bool:
    """Whether its message is all that a person needs: it says what, where, the state now, and what to do."""
    return any(f"{kind.__module__}.{kind.__qualname__}" in EXPECTED for kind in type(error).__mro__)


def explain(error: BaseException) -> None:
    """Print an expected error for a person."""
    from rich.markup import escape

    from tracker.cli import common

    common.err.print(f"[red]error:[/] {escape(str(error))}")
