# ruff: noqa: RUF001  Japanese is written with full-width signs
"""Findings in words, and as evidence. They say what was found, never that a post is against the law."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tracker.domain.facts import PostFacts
from tracker.domain.verdicts import Evidence, Language, Subject, Verdict
from tracker_disclosure.assessing import Finding, Hit, Measured
from tracker_disclosure.packs import Pack

MOST_HITS = 5
"""So many hits stand in the evidence of a verdict."""


def summary_of(pack: Pack, finding: Finding, post: PostFacts, who: str) -> Mapping[Language, str]:
    """What a finding says, in one sentence, in each language."""
    owner = who or post.account
    return {
        "en": _english(pack, finding, post, f"{owner}'s post on {post.platform}"),
        "ja": _japanese(pack, finding, post, f"{owner}の{post.platform}の投稿"),
    }


def _english(pack: Pack, finding: Finding, post: PostFacts, what: str) -> str:
    quoted = _quoted(finding, "“{}”", ", ", "the platform's label")
    says = _says(finding, "en")
    match finding.reason:
        case "labelled":
            said = f"{what} is labelled as advertising ({pack.pack}): {quoted}."
        case "unclear":
            said = f"{what} may not be clearly labelled as advertising ({pack.pack}): {quoted} {says}. Please look."
        case "insufficient":
            said = f"{what} has no advertising label that {pack.pack} accepts: {quoted} {says}."
        case "absent":
            look = " Please look." if finding.outcome == "needs_human" else ""
            said = f"{what} has no advertising label that {pack.pack} accepts in its text.{look}"
        case "unreadable":
            said = f"The text of {what} is unknown: whether it is labelled ({pack.pack}) cannot be said."
        case "kept":
            said = f"{what} has nothing against {finding.check}."
        case _:
            said = (
                f"{what} {says} ({finding.check})." if _is_brand(finding) else _english_hit(finding, what, quoted, says)
            )
    return said + _when_edited(finding, post, " It was edited after it was published.")


def _english_hit(finding: Finding, what: str, quoted: str, says: str) -> str:
    subject = "the text" if finding.rule is not None and finding.rule.kind == "forbid" else "its label"
    return f"{what}: {subject} {says} ({finding.check}): {quoted}."


def _japanese(pack: Pack, finding: Finding, post: PostFacts, what: str) -> str:
    quoted = _quoted(finding, "「{}」", "", "プラットフォームのラベル")
    says = _says(finding, "ja")
    match finding.reason:
        case "labelled":
            said = f"{what}には広告である旨の表示があります（{pack.pack}）：{quoted}。"
        case "unclear":
            said = f"{what}の広告表示は不明瞭なおそれがあります（{pack.pack}）：{quoted}{says}。ご確認ください。"
        case "insufficient":
            said = f"{what}には{pack.pack}で認められる広告表示がありません：{quoted}{says}。"
        case "absent":
            look = "。ご確認ください" if finding.outcome == "needs_human" else ""
            said = f"{what}の本文には{pack.pack}で認められる広告表示がありません{look}。"
        case "unreadable":
            said = f"{what}の本文が取得できていないため、広告表示の有無（{pack.pack}）を判定できません。"
        case "kept":
            said = f"{what}に{finding.check}の問題は見つかりません。"
        case _:
            about = "" if _is_brand(finding) or _is_forbidden(finding) else "の広告表示"
            said = f"{what}{about}{says}（{finding.check}）{'：' + quoted if quoted else ''}。"
    return said + _when_edited(finding, post, "公開後に編集されています。")


def _is_brand(finding: Finding) -> bool:
    return finding.rule is not None and finding.rule.asks == "brand"


def _is_forbidden(finding: Finding) -> bool:
    return finding.rule is not None and finding.rule.kind == "forbid"


def _says(finding: Finding, language: Language) -> str:
    if finding.rule is None:
        return ""
    return finding.rule.says.get(language) or finding.rule.says["en"]


def _quoted(finding: Finding, quotes: str, between: str, platform_label: str) -> str:
    texts = dict.fromkeys(platform_label if hit.offset is None else hit.text for hit in finding.hits)
    return between.join(quotes.replace("{}", text) for text in list(texts)[:MOST_HITS])


def _when_edited(finding: Finding, post: PostFacts, words: str) -> str:
    return words if post.edited and finding.outcome in {"fail", "needs_human"} else ""


def evidence_of(pack: Pack, finding: Finding, post: PostFacts) -> tuple[Evidence, ...]:
    """What a finding rests on: what was found and where, the rule and its source, the state of the post."""
    return tuple(_evidence(pack, finding, post))


def _evidence(pack: Pack, finding: Finding, post: PostFacts) -> Iterator[Evidence]:
    for hit in finding.hits[:MOST_HITS]:
        yield _hit(pack, hit, post)
    for measured in finding.measured:
        yield _measured(finding, measured)
    yield _text(post)
    yield Evidence(
        name="paid_label",
        value=None if post.paid_label is None else "on" if post.paid_label.value is True else "off",
        unit="text",
        basis="the platform's own label",
        at=None if post.paid_label is None else post.paid_label.at,
    )
    if post.edited:
        yield Evidence(name="edited", value="yes", unit="text", basis="the text changed after it was first seen")
    yield Evidence(name="pack", value=f"{pack.pack} {pack.version}", unit="text", basis=pack.jurisdiction)
    if finding.rule is not None:
        checked = f"{finding.rule.checked}, {finding.rule.verified_on.isoformat()}"
        yield Evidence(name="legal_ref", value=finding.rule.legal_ref, unit="text", basis=finding.rule.id)
        yield Evidence(name="source_url", value=finding.rule.source_url, unit="text", basis=f"checked: {checked}")


def _hit(pack: Pack, hit: Hit, post: PostFacts) -> Evidence:
    rule = pack.rule(hit.rule)
    said = {"text": post.text, "title": post.title, "platform_label": post.paid_label}[hit.part]
    return Evidence(
        name=hit.rule,
        value=hit.text,
        unit="text",
        basis=f"in its {hit.part}: {rule.says['en']}" if rule is not None else f"in its {hit.part}",
        at=None if said is None else said.at,
        offset=hit.offset,
        length=hit.length,
    )


def _measured(finding: Finding, measured: Measured) -> Evidence:
    basis = {
        "tags_before": "hashtags that stand before the label",
        "share_before": "hashtags that stand before the label, of all hashtags of the text",
        "column": "column in which the label ends; wide characters take two, line breaks the rest of their line",
    }[measured.name]
    return Evidence(
        name=measured.name,
        value=measured.value if isinstance(measured.value, int) else str(measured.value),
        unit="share" if measured.name == "share_before" else "count",
        basis=f"{basis} ({finding.check})",
        limit=measured.limit if isinstance(measured.limit, int) else str(measured.limit),
    )


def _text(post: PostFacts) -> Evidence:
    if post.text is None:
        return Evidence(name="text_length", value=None, unit="count", basis="no source has told the post's text")
    length = len(str(post.text.value))
    return Evidence(name="text_length", value=length, unit="count", basis="code points read", at=post.text.at)


def unknown_pack(campaign: str, name: str, known: list[str]) -> Verdict:
    """The verdict on a campaign that names a pack which is not installed."""
    there = ", ".join(known)
    return Verdict(
        subject=Subject(campaign=campaign),
        outcome="not_assessable",
        summary={
            "en": f"The campaign names the disclosure pack “{name}”, which is not installed; there are: {there}.",
            "ja": f"キャンペーンが指定する表示ルール「{name}」は導入されていません。利用可能：{there}。",
        },
        evidence=(
            Evidence(name="pack", value=name, unit="text", basis="named by the campaign, not installed"),
            Evidence(name="packs", value=there, unit="text", basis="installed"),
        ),
        check=name,
    )
