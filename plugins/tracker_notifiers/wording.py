"""An alert in words for people, in English and Japanese.

1. What an alert says is foreign text. Here it becomes single lines of printable characters, cut where it is long; what
   a receiver would take for markup is that receiver's business.
2. Numbers are said with their limit and basis, as the rule gave them. Unknown is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from tracker.domain.alerts import Alert, What
from tracker.domain.verdicts import Category, Evidence, EvidenceUnit, Language, Severity
from tracker.plugin.notifiers import Notice

SUMMARY_LIMIT = 600
_LINE_LIMIT = 200
_EVIDENCE_LINES = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SEVERITIES: Mapping[Language, Mapping[Severity, str]] = {
    "en": {"info": "Info", "warning": "Warning", "critical": "Critical"},
    "ja": {"info": "情報", "warning": "警告", "critical": "重大"},
}
_WHATS: Mapping[Language, Mapping[What, str]] = {
    "en": {
        "pending": "pending",
        "firing": "firing",
        "acknowledged": "acknowledged",
        "silenced": "silenced",
        "repeated": "still firing",
        "noted": "noted",
        "resolved": "resolved",
    },
    "ja": {
        "pending": "保留中",
        "firing": "発生",
        "acknowledged": "対応中",
        "silenced": "通知停止",
        "repeated": "継続中",
        "noted": "メモ追加",
        "resolved": "解消",
    },
}
_CATEGORIES: Mapping[Language, Mapping[Category, str]] = {
    "en": {},
    "ja": {
        "engagement": "エンゲージメント",
        "speed": "反応速度",
        "authenticity": "不正な反応の疑い",
        "conversion": "コンバージョン",
        "compliance": "広告表示",
        "agreement": "契約内容",
        "payout": "支払い",
        "system": "システム",
    },
}
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "test": "Test",
        "campaign": "Campaign",
        "subject": "About",
        "since": "Since",
        "rule": "Rule",
        "by": "Acknowledged by",
        "alert": "Alert",
        "evidence": "Evidence",
        "unknown": "unknown",
        "limit": "limit",
        "none": "(none: the tracker itself)",
    },
    "ja": {
        "test": "テスト",
        "campaign": "キャンペーン",
        "subject": "対象",
        "since": "開始",
        "rule": "ルール",
        "by": "対応者",
        "alert": "アラート",
        "evidence": "根拠",
        "unknown": "不明",
        "limit": "基準",
        "none": "なし (トラッカー自体)",
    },
}


def line(text: str, limit: int = _LINE_LIMIT) -> str:
    """One line of printable characters, at most so long."""
    clean = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def headline(notice: Notice, language: Language) -> str:
    """`Critical · firing · engagement`: what happened to what kind of alert."""
    alert = notice.alert
    if notice.is_test:
        return _WORDS[language]["test"]
    category = _CATEGORIES[language].get(alert.category, alert.category)
    return " · ".join((_SEVERITIES[language][alert.severity], _WHATS[language][alert.what], category))


def summary(notice: Notice, language: Language) -> str:
    return line(notice.summary(language), SUMMARY_LIMIT)


def facts(alert: Alert, language: Language) -> list[tuple[str, str]]:
    """Label and text of each thing that tells where an alert belongs."""
    words = _WORDS[language]
    found = [
        (words["campaign"], line(alert.campaign) or words["none"]),
        (words["subject"], line(alert.subject.text)),
        (words["since"], moment(alert.began_at)),
        (words["rule"], line(alert.rule + (f" ({alert.check})" if alert.check else ""))),
        (words["alert"], line(alert.id)),
    ]
    if alert.acknowledged is not None:
        found.append((words["by"], line(alert.acknowledged.by)))
    return [(label, text) for label, text in found if text]


def evidence(alert: Alert, language: Language) -> list[str]:
    """A line for each number or text that the alert rests on, the first dozen of them."""
    lines = [_evidence(each, language) for each in alert.evidence[:_EVIDENCE_LINES]]
    more = len(alert.evidence) - len(lines)
    return [*lines, f"… +{more}"] if more > 0 else lines


def evidence_title(language: Language) -> str:
    return _WORDS[language]["evidence"]


def moment(at: int) -> str:
    return f"{_EPOCH + timedelta(milliseconds=at):%Y-%m-%d %H:%M} UTC"


def _evidence(each: Evidence, language: Language) -> str:
    words = _WORDS[language]
    value = words["unknown"] if each.value is None else _value(each, each.value)
    limit = "" if each.limit is None else f" ({words['limit']} {_value(each, each.limit)})"
    basis = f", {each.basis}" if each.basis else ""
    return line(f"{each.name}: {value}{limit}{basis}")


def _value(each: Evidence, value: int | str) -> str:
    if each.unit == "share":
        return _percent(value)
    if each.unit == "per_minute":
        return f"{value}/min"
    if each.unit == "minor" and each.currency:
        return f"{value} {each.currency} (minor units)"
    return _whole(each.unit, value) if isinstance(value, int) else value


def _whole(unit: EvidenceUnit, value: int) -> str:
    if unit == "ms":
        return str(timedelta(milliseconds=value))
    return moment(value) if unit == "instant" else f"{value:,}"


def _percent(value: int | str) -> str:
    try:
        return f"{(Decimal(value) * 100).normalize():f} %"
    except InvalidOperation:
        return str(value)  # a rule wrote something else: shown as it is
