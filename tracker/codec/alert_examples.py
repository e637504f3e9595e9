# ruff: noqa: RUF001  Japanese has punctuation of its own
"""Synthetic alert events and acts, for people and for tests: every category, every state, English and Japanese.

They are what tracker.domain.alerts makes of made-up verdicts, so no example can say what an alert never says. No
campaign, creator, post or order in them exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from tracker.codec.alerts import AlertEvent, event_of
from tracker.domain.alerts import Acknowledged, Act, Alert, Judged, Noted, Silence, Timing, advance
from tracker.domain.verdicts import Category, Evidence, Severity, Subject, Verdict

AT = 1_780_000_000_000
"""2026-05-28T20:26:40Z"""
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_CAMPAIGN = "glow-2026"
_POST = Subject(
    campaign=_CAMPAIGN,
    creator="mio",
    agreement="glow-mio",
    platform="instagram",
    account="17841400000000001",
    post="18000000000000001",
)
_PASSES = "it is well again"


class _Case(Struct, frozen=True, kw_only=True):
    """A rule's verdict that raises an alert, and how patient the rule is."""

    rule: str
    subject: Subject
    severity: Severity
    verdict: Verdict
    timing: Timing = Timing()

    def judged(self, verdict: Verdict | None) -> Judged:
        return Judged(
            rule=self.rule,
            category=_category(self.rule),
            severity=self.severity,
            timing=self.timing,
            campaign=self.subject.campaign,
            subject=self.subject,
            check=self.verdict.check,
            verdict=verdict,
        )


def examples() -> Mapping[Category, Sequence[AlertEvent]]:
    """Category → example events, in the order in which they would be told."""
    return {_category(case.rule): [event_of(alert) for alert in life(case)] for case, life in _CASES}


def act_examples() -> Sequence[Act]:
    """Of each act the least that must be said, and what else can be."""
    alert = next(_firing(_BELOW_TARGET)).id
    return [
        Acknowledged(alert=alert, serial=2, by="t-ops", at=AT),
        Acknowledged(alert=alert, serial=2, by="t-ops", at=AT, note="担当者が確認中です"),
        Noted(id="n1", alert=alert, by="t-ops", at=AT + _HOUR, note="the client knows"),
        Silence(id="s1", by="t-ops", at=AT, until=AT + _DAY),
        Silence(
            id="s2",
            by="t-ops",
            at=AT,
            until=AT + 2 * _DAY,
            rule="speed.*",
            campaign=_CAMPAIGN,
            creator="mio",
            platform="instagram",
            post="18000000000000001",
            alert=alert,
            note="known: the platform answers late this week",
        ),
    ]


def _category(rule: str) -> Category:
    return _CATEGORY[rule.partition(".")[0]]


def _raised(case: _Case, at: int) -> Alert:
    alert = advance(None, case.judged(case.verdict), (), at)
    assert alert is not None
    return alert


def _next(case: _Case, alert: Alert, at: int, *acts: Act, passes: bool = False) -> Alert:
    said = Verdict(subject=case.subject, outcome="pass", summary={"en": _PASSES}) if passes else case.verdict
    after = advance(alert, case.judged(said), acts, at)
    assert after is not None
    return after


def _firing(case: _Case) -> Iterator[Alert]:
    yield _raised(case, AT)


def _waiting(case: _Case) -> Iterator[Alert]:
    """It has to fail for a while before it fires; then it passes."""
    pending = _raised(case, AT)
    yield pending
    firing = _next(case, pending, AT + case.timing.hold_ms)
    yield firing
    yield _next(case, firing, AT + case.timing.hold_ms + _HOUR, passes=True)


def _taken(case: _Case) -> Iterator[Alert]:
    """Somebody takes it, and writes something."""
    firing = _raised(case, AT)
    yield firing
    took = Acknowledged(alert=firing.id, serial=firing.serial, by="t-ops", at=AT + _MINUTE, note="確認します")
    taken = _next(case, firing, AT + _MINUTE, took)
    yield taken
    wrote = Noted(id="n1", alert=firing.id, by="t-ops", at=AT + _HOUR, note="投稿者に修正を依頼しました")
    yield _next(case, taken, AT + _HOUR, took, wrote)


def _silent(case: _Case) -> Iterator[Alert]:
    """It is silenced, and its subject goes: nobody judges it any more."""
    firing = _raised(case, AT)
    yield firing
    silence = Silence(id="s1", by="t-ops", at=AT + _MINUTE, until=AT + _DAY, rule=case.rule)
    silenced = _next(case, firing, AT + _MINUTE, silence)
    yield silenced
    gone = advance(silenced, case.judged(None), (silence,), AT + _HOUR)
    assert gone is not None
    yield gone


def _repeated(case: _Case) -> Iterator[Alert]:
    """Nobody takes it, so it is told again."""
    firing = _raised(case, AT)
    yield firing
    yield _next(case, firing, AT + _DAY)


_BELOW_TARGET = _Case(
    rule="engagement.below_target",
    subject=Subject(campaign=_CAMPAIGN),
    severity="warning",
    timing=Timing(hold_ms=30 * _MINUTE),
    verdict=Verdict(
        subject=Subject(campaign=_CAMPAIGN),
        outcome="fail",
        summary={
            "en": "Glow 2026 will end at about 71,000 likes of the 100,000 agreed",
            "ja": "Glow 2026 は目標 100,000 いいねに対し、約 71,000 いいねで終わる見込みです",
        },
        evidence=(
            Evidence(name="likes", value=20_481, unit="count", at=AT - _MINUTE, source="poll"),
            Evidence(
                name="likes_at_end",
                value=71_230,
                unit="count",
                limit=100_000,
                basis="likes so far, over the share of its likes that a post has at this age",
            ),
            Evidence(name="share_of_target", value="0.7123", unit="share", limit="0.9"),
            Evidence(name="saves", value=None, unit="count", basis="no post of the campaign shows its saves"),
        ),
    ),
)
_SLOW = _Case(
    rule="speed.slow_start",
    subject=_POST,
    severity="warning",
    verdict=Verdict(
        subject=_POST,
        outcome="fail",
        summary={
            "en": "mio's post gets 3.2 likes a minute in its first hour; her posts usually get 11",
            "ja": "mio の投稿の最初の 1 時間は毎分 3.2 いいねです（普段は 11）",
        },
        evidence=(
            Evidence(name="likes_per_minute", value="3.2", unit="per_minute", limit="5.5", source="poll", at=AT),
            Evidence(name="usual_likes_per_minute", value="11", unit="per_minute", basis="median of 12 normal posts"),
            Evidence(name="age", value=_HOUR, unit="ms"),
        ),
    ),
)
_FLAT = _Case(
    rule="authenticity.flat_rate",
    subject=_POST,
    severity="warning",
    verdict=Verdict(
        subject=_POST,
        outcome="needs_human",
        summary={
            "en": "The likes of mio's post come as evenly as if they were bought; please look",
            "ja": "mio の投稿のいいねは購入されたかのように一定の速さで増えています。確認してください",
        },
        evidence=(Evidence(name="variation", value="0.04", unit="share", limit="0.15", basis="of 24 hours"),),
    ),
)
_NO_SALES = _Case(
    rule="conversion.clicks_without_orders",
    subject=Subject(campaign=_CAMPAIGN, creator="mio", code="MIO10"),
    severity="warning",
    verdict=Verdict(
        subject=Subject(campaign=_CAMPAIGN, creator="mio", code="MIO10"),
        outcome="fail",
        summary={
            "en": "1,204 people followed mio's link and nobody ordered: does the code MIO10 work?",
            "ja": "mio のリンクは 1,204 回クリックされましたが注文は 0 件です。コード MIO10 は使えますか",
        },
        evidence=(
            Evidence(name="clicks", value=1_204, unit="count", limit=500, at=AT - _MINUTE),
            Evidence(name="orders", value=0, unit="count", limit=1, at=AT - _MINUTE),
        ),
    ),
)
_NO_LABEL = _Case(
    rule="compliance.disclosure",
    subject=_POST,
    severity="critical",
    verdict=Verdict(
        subject=_POST,
        outcome="fail",
        check="jp.label_at_the_beginning",
        summary={
            "en": "mio's post is not recognisable as advertising: its label stands behind 212 other characters",
            "ja": "mio の投稿は広告であることが分かりません：表示が 212 文字目より後ろにあります",
        },
        evidence=(
            Evidence(name="label", value="#PR", unit="text", offset=212, length=3, at=AT - _MINUTE),
            Evidence(name="label_offset", value=212, unit="count", limit=125),
        ),
    ),
)
_OVERDUE = _Case(
    rule="agreement.overdue",
    subject=Subject(campaign=_CAMPAIGN, creator="mio", agreement="glow-mio"),
    severity="warning",
    verdict=Verdict(
        subject=Subject(campaign=_CAMPAIGN, creator="mio", agreement="glow-mio"),
        outcome="fail",
        summary={
            "en": "mio has published 2 of 3 agreed posts; the last was due on 27 May",
            "ja": "mio の投稿は 3 件中 2 件です（期限は 5 月 27 日でした）",
        },
        evidence=(
            Evidence(name="posts", value=2, unit="count", limit=3),
            Evidence(name="due_at", value=AT - _DAY, unit="instant"),
        ),
    ),
)
_REFUNDED = _Case(
    rule="payout.refunds",
    subject=Subject(campaign=_CAMPAIGN, creator="mio"),
    severity="warning",
    verdict=Verdict(
        subject=Subject(campaign=_CAMPAIGN, creator="mio"),
        outcome="fail",
        severity="critical",
        summary={
            "en": "JPY 54,000 of the JPY 120,000 that mio sold were given back",
            "ja": "mio の売上 120,000 円のうち 54,000 円が返金されました",
        },
        evidence=(
            Evidence(name="refunded", value=54_000, unit="minor", currency="JPY", limit=24_000, at=AT),
            Evidence(name="share_refunded", value="0.45", unit="share", limit="0.2"),
        ),
    ),
)
_STALE = _Case(
    rule="system.poller_silent",
    subject=Subject(part="poller:youtube"),
    severity="critical",
    timing=Timing(hold_ms=10 * _MINUTE),
    verdict=Verdict(
        subject=Subject(part="poller:youtube"),
        outcome="fail",
        summary={
            "en": "No answer from youtube for 42 minutes: its numbers stand still",
            "ja": "youtube からの応答が 42 分間ありません。数値は更新されていません",
        },
        evidence=(
            Evidence(name="silent", value=42 * _MINUTE, unit="ms", limit=15 * _MINUTE),
            Evidence(
                name="latest_post",
                value="the last one that was seen",
                unit="text",
                platform="youtube",
                post="synthetic0001",
                at=AT - 42 * _MINUTE,
            ),
        ),
    ),
)
_CASES = (
    (_BELOW_TARGET, _waiting),
    (_SLOW, _silent),
    (_FLAT, _firing),
    (_NO_SALES, _repeated),
    (_NO_LABEL, _taken),
    (_OVERDUE, _firing),
    (_REFUNDED, _firing),
    (_STALE, _waiting),
)
_CATEGORY: Mapping[str, Category] = {
    "engagement": "engagement",
    "speed": "speed",
    "authenticity": "authenticity",
    "conversion": "conversion",
    "compliance": "compliance",
    "agreement": "agreement",
    "payout": "payout",
    "system": "system",
}
