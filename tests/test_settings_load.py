"""Settings: the environment over the file over the default, and each says where it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.settings import Settings
from tracker.settings_load import BadSettings, listing, load


def settings_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "tracker.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_nothing_set_gives_the_defaults() -> None:
    assert load({}).settings == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = settings_file(tmp_path, "kafka: {bootstrap: 'a:1'}\ntopics: {partitions: 4}\n")
    loaded = load({"TRACKER_SETTINGS": str(file), "TRACKER_KAFKA__BOOTSTRAP": "b:2", "TRACKER_REDIS__CLUSTER": "true"})
    assert (
        loaded.settings.kafka.bootstrap,
        loaded.settings.topics.partitions,
        loaded.settings.redis.cluster,
    ) == ("b:2", 4, True)
    shown = {line.name: line for line in listing(loaded)}
    assert shown["kafka.bootstrap"].source == "TRACKER_KAFKA__BOOTSTRAP"
    assert shown["topics.partitions"].source == f"{file}:2:22"
    assert shown["redis.url"].source == "default"


def test_lists_in_a_variable_are_parted_by_commas() -> None:
    loaded = load({"TRACKER_RECEIVER__API_TOKENS": "one, two"})
    assert loaded.settings.receiver.api_tokens == ("one", "two")


def test_every_setting_has_a_meaning_and_no_secret_is_shown(tmp_path: Path) -> None:
    source = "sources: {main: {signing: [hush3], verify_token: hush4}}"
    text = f"platforms: {{instagram: {{token: hush1, tokens: {{'1': hush2}}, {source}}}}}\n"
    loaded = load({"TRACKER_RECEIVER__CLICK_SECRETS": "hush5"}, settings_file(tmp_path, text))
    lines = listing(loaded)
    assert not [line for line in lines if "hush" in line.value]
    named = [line for line in lines if line.name != "cadence.steps"]
    assert not [line.name for line in named if not line.meaning]
    assert any(line.name == "platforms.instagram.sources.main.signing" and line.value == "(1 set)" for line in lines)


@pytest.mark.parametrize(
    ("environ", "where", "problem"),
    [
        (
            {"TRACKER_KAFKA__BOOTSTRP": "x"},
            "TRACKER_KAFKA__BOOTSTRP",
            "no such setting; did you mean `bootstrap`?",
        ),
        (
            {"TRACKER_TOPICS__PARTITIONS": "many"},
            "TRACKER_TOPICS__PARTITIONS",
            "topics.partitions: Expected `int`",
        ),
        ({"TRACKER_TOPICS__PARTITIONS": "0"}, "TRACKER_TOPICS__PARTITIONS", ">= 1"),
        ({"TRACKER_KAFKA": "x"}, "TRACKER_KAFKA", "Expected `object`"),
        ({"TRACKER_SETTINGS": "/nowhere.yaml"}, "/nowhere.yaml", "cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_was_set(environ: dict[str, str], where: str, problem: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load(environ)
    assert caught.value.where == where
    assert problem in caught.value.problem


def test_a_fault_in_the_file_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"tracker.yaml:2:17: topics.partitions"):
        load({}, settings_file(tmp_path, "topics:\n  partitions:   many\n"))
