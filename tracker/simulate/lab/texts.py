"""What posts say. Labelled as advertising at the place where it is seen, or (for a disturbance) not at all."""

from __future__ import annotations

from random import Random

from tracker.simulate.lab.behaviour import LabLanguage, LabPlatform

BRAND: dict[LabLanguage, str] = {"ja": "ホシカワ茶房", "en": "Hoshikawa Tea"}
MENTION = "hoshikawa_sabo"
CAMPAIGN_TAG: dict[LabLanguage, str] = {"ja": "ホシカワの秋", "en": "HoshikawaAutumn"}
PRODUCT_TAG: dict[LabLanguage, str] = {"ja": "焙じ茶ラテ", "en": "HojichaLatte"}
SHOP = "https://go.hoshikawa.example"

_OPENINGS: dict[LabLanguage, tuple[str, ...]] = {
    "ja": (
        "【PR】{brand}さんの新しい焙じ茶ラテを飲んでみました。",
        "#PR {brand}の焙じ茶ラテが届きました。",
        "{brand}のプロモーションに参加しています。",
        "{brand}から商品の提供を受けて投稿しています。",
    ),
    "en": (
        "#ad The new hojicha latte by {brand} is here.",
        "Ad: trying the new hojicha latte by {brand}.",
        "Advertisement. {brand} asked me to try their new hojicha latte.",
        "#ad {brand} sent me their autumn box.",
    ),
}
_UNLABELLED: dict[LabLanguage, tuple[str, ...]] = {
    "ja": ("{brand}さんの新しい焙じ茶ラテを飲んでみました。", "{brand}の焙じ茶ラテ、やっと買えました。"),
    "en": ("The new hojicha latte by {brand} is here.", "Finally tried the hojicha latte by {brand}."),
}
_BODY: dict[LabLanguage, tuple[str, ...]] = {
    "ja": (
        "湯気まで香ばしい。",
        "ミルクを温めて、ゆっくり。",
        "雨の午後にちょうどいい味。",
        "マグを両手で持ちたくなる。",
    ),
    "en": (
        "It smells of autumn.",
        "Best on a rainy afternoon.",
        "Warm milk, a big mug, no hurry.",
        "Second cup already.",
    ),
}
_LABEL_TAG: dict[LabLanguage, tuple[str, ...]] = {"ja": ("PR", "プロモーション"), "en": ("ad",)}
_NORMAL: dict[LabLanguage, tuple[str, ...]] = {
    "ja": ("朝の散歩。", "机を片づけた。", "新しい鍋で初めてのスープ。", "電車の窓から見えた海。", "週末の記録。"),
    "en": ("Morning walk.", "Tidied the desk.", "First soup in the new pot.", "The sea from the train.", "A weekend."),
}
_NORMAL_TAGS: dict[LabLanguage, tuple[str, ...]] = {
    "ja": ("日常", "暮らし", "写真", "休日"),
    "en": ("daily", "home", "photo", "weekend"),
}


def short_link(creator: str) -> str:
    return f"{SHOP}/r/{creator}"


def pr_text(rng: Random, language: LabLanguage, creator: str, *, labelled: bool = True) -> str:
    """A text that carries everything that is required; `labelled` as advertising, first of all, or nowhere."""
    openings = _OPENINGS if labelled else _UNLABELLED
    opening = rng.choice(openings[language]).format(brand=BRAND[language])
    tags = [CAMPAIGN_TAG[language], PRODUCT_TAG[language], *rng.sample(_NORMAL_TAGS[language], rng.randint(0, 2))]
    if labelled:
        tags.insert(0, rng.choice(_LABEL_TAG[language]))
    hashed = " ".join(f"#{tag}" for tag in tags)
    return f"{opening}{rng.choice(_BODY[language])}\n{hashed}\n@{MENTION} {short_link(creator)}"


def normal_text(rng: Random, language: LabLanguage) -> str:
    tags = " ".join(f"#{tag}" for tag in rng.sample(_NORMAL_TAGS[language], rng.randint(0, 3)))
    return f"{rng.choice(_NORMAL[language])}\n{tags}".strip()


def title_of(platform: LabPlatform, text: str) -> str | None:
    """A title where the platform has one: the text's first sentence."""
    return text.splitlines()[0].partition("。")[0][:80] if platform == "youtube" else None
