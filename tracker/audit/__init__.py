"""Proving the counters: the whole log counted again, the plain way, and compared with the store, field by field."""

from tracker.audit.comparison import audit, partitions_of
from tracker.audit.log import KafkaLog, Log, LogUnreadable, Span
from tracker.audit.report import DIFFERENT, EXACT, IMPOSSIBLE, AuditImpossible, Counted, Difference, Report

__all__ = [
    "DIFFERENT",
    "EXACT",
    "IMPOSSIBLE",
    "AuditImpossible",
    "Counted",
    "Difference",
    "KafkaLog",
    "Log",
    "LogUnreadable",
    "Report",
    "Span",
    "audit",
    "partitions_of",
]
