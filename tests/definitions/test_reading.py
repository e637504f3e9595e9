"""Definitions in YAML: what is right is read, what is wrong is named at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.definitions import reading, writing
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, Link

GOOD = """\
campaigns:
  - id: spring
    name: 春のキャンペーン
    starts_at: 2026-11-01T00:00:00+09:00
    ends_at: 2026-12-01T00:00:00+09:00
    hashtags: [springtea]
creators:
  - id: hana
    name: Hana (synthetic)
    accounts:
      - {platform: instagram, account: "17841400000000001", handle: hana.example}
agreements:
  - id: spring-hana
    campaign: spring
    creator: hana
    hashtags: [springtea]
    codes: [HANA10]
links:
  - {id: hana1, campaign: spring, creator: hana, destination: "https://shop.example/tea"}
"""


def faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(reading.FaultyDefinitions) as caught:
        reading.read([file])
    return [str(fault).removeprefix(f"{file}:") for fault in caught.value.faults]


def test_a_good_file_gives_its_definitions_with_instants_in_utc_ms(tmp_path: Path) -> None:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD, encoding="utf-8")
    campaign, creator, agreement, link = reading.read([file])
    assert isinstance(campaign, Campaign)
    assert campaign.starts_at == 1_793_458_800_000  # 2026-10-31T15:00:00Z
    assert isinstance(creator, Creator)
    assert creator.accounts == (AccountRef(platform="instagram", account="17841400000000001", handle="hana.example"),)
    assert isinstance(agreement, Agreement)
    assert agreement.posts == 1
    assert isinstance(link, Link)


def test_a_misspelt_field_is_named_with_its_place_and_a_suggestion(tmp_path: Path) -> None:
    (fault,) = faults(
        tmp_path, GOOD.replace("    hashtags: [springtea]\n    codes", "    hashtag: [springtea]\n    codes")
    )
    assert fault.startswith("16:5: hashtag: no such field; did you mean `hashtags`? Allowed: ")


def test_every_fault_is_reported_not_only_the_first(tmp_path: Path) -> None:
    text = "campaigns:\n  - id: spring\n    nam: x\n    starts_at: 2026-11-01\n    ends_at: 2026-12-01T00:00:00Z\n"
    found = faults(tmp_path, text)
    assert [fault.split(":")[2].strip() for fault in found] == ["name", "nam", "starts_at"]
    assert "is missing" in found[0]
    assert "offset" in found[2]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "    campaign: spring\n    creator: hana\n    h",
            "    campaign: sprin\n    creator: hana\n    h",
            "campaign: no campaign `sprin`; did you mean `spring`?",
        ),
        (
            'account: "17841400000000001"',
            "account: 17841400000000001",
            "accounts: expected `str`, got `int` (at [0].account)",
        ),
        ("ends_at: 2026-12-01", "ends_at: 2026-10-01", "ends_at: must come after starts_at"),
        ("id: spring\n", "id: a b\n", "id: expected a short name of letters"),
        ("creators:", "creator:", "creator: no such section; did you mean `creators`?"),
        ("id: hana\n", "id: hana\n    id: hana\n", "file: `id` stands twice in one mapping"),
        ("https://shop.example/tea", "javascript:alert(1)", "destination: expected an address that begins with http"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in GOOD
    found = faults(tmp_path, GOOD.replace(before, after, 1))
    assert any(expected in fault for fault in found), found


def test_one_account_of_two_creators_is_refused(tmp_path: Path) -> None:
    other = (
        "  - id: mio\n    name: Mio (synthetic)\n    accounts: [{platform: instagram, account: '17841400000000001'}]\n"
    )
    (fault,) = faults(tmp_path, GOOD.replace("agreements:", other + "agreements:"))
    assert "is already creator `hana`'s" in fault


@pytest.mark.parametrize("text", ["- 1\n", "a: [\n", "x: &a [1]\ny: *a\n", "\x00", "campaigns: 3\n", "[" * 200])
def test_what_is_no_definition_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    assert all("\n" not in fault for fault in faults(tmp_path, text))


def test_a_file_that_is_not_utf_8_or_not_there_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"campaigns:\n  - id: caf\xe9\n")
    with pytest.raises(reading.FaultyDefinitions, match=r"latin\.yaml:2:1: file: not UTF-8"):
        reading.read([file])
    with pytest.raises(reading.FaultyDefinitions, match="cannot be read"):
        reading.read([tmp_path / "none.yaml"])


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_place(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        reading.read([file])
    except reading.FaultyDefinitions as error:
        assert all(fault.file == str(file) and fault.line >= 1 for fault in error.faults)  # noqa: PT017


slugs = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,10}\Z")
names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(id=slugs, name=names, start=st.integers(0, 4_000_000_000_000), tags=st.lists(names, max_size=3))
def test_what_is_written_as_yaml_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, id: str, name: str, start: int, tags: list[str]
) -> None:
    definitions: list[Definition] = [
        Campaign(id=id, name=name, starts_at=start, ends_at=start + 1, hashtags=tuple(tags)),
        Creator(id=id, name=name, accounts=(AccountRef(platform="tiktok", account=id),)),
        Agreement(id=id, campaign=id, creator=id, codes=tuple(tags)),
        Link(id=id, campaign=id, destination="https://shop.example/?q=1"),
    ]
    file = tmp_path_factory.getbasetemp() / "round.yaml"
    file.write_text(writing.to_yaml(definitions), encoding="utf-8")
    assert reading.read([file]) == definitions
