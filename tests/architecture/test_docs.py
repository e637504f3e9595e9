"""The papers lead somewhere, and leave nothing of the program out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker.cli.reference import pages
from tracker.ingest.health import Metrics
from tracker.ingest.poll_metrics import PollMetrics
from tracker.notify.metrics import NotifyMetrics
from tracker.plugin import hookspecs
from tracker.settings import Settings
from tracker.settings_load import LoadedSettings, listing
from tracker.store import keys
from tracker.web.app import ApiMetrics

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAPERS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def links(paper: Path) -> Iterator[str]:
    """The relative links of a paper; what stands in code is none."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", paper.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if not re.match(r"[a-z]+:", target):
            yield target


def leads_to(paper: Path, link: str) -> Path:
    return (paper.parent / link.partition("#")[0]).resolve() if link.partition("#")[0] else paper


def anchors(paper: Path) -> set[str]:
    """The anchors that a heading makes, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", paper.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: str(paper.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_exist(paper: Path) -> None:
    lost = []
    for link in links(paper):
        target = leads_to(paper, link)
        anchor = link.partition("#")[2]
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    ahead = [DOCS / "README.md"]
    while ahead:
        paper = ahead.pop()
        seen.add(paper)
        ahead += [
            target
            for link in links(paper)
            if (target := leads_to(paper, link)).suffix == ".md" and target.exists() and target not in seen
        ]
    assert {page for page in PAPERS if DOCS in page.parents} - seen == set()


def test_the_readme_leads_to_the_index() -> None:
    assert DOCS / "README.md" in {leads_to(ROOT / "README.md", link) for link in links(ROOT / "README.md")}


def test_the_readme_shows_the_two_commands_and_the_picture_of_a_real_run() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20])
    assert "make demo" in first_screen
    assert "make test" in first_screen
    assert "docs/images/demo.svg" in first_screen
    picture = (DOCS / "images" / "demo.svg").read_text(encoding="utf-8")
    assert "Exact:" in picture.replace("&#160;", " ")
    assert "@font-face" not in picture


def test_every_setting_is_documented() -> None:
    text = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    names = {line.name for line in listing(LoadedSettings(Settings(), {}))}
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_every_setting_has_a_meaning() -> None:
    assert [line.name for line in listing(LoadedSettings(Settings(), {})) if not line.meaning] == []


def test_every_hook_is_documented() -> None:
    text = (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")
    hooks = [name for name in vars(hookspecs) if name.startswith("tracker_")]
    assert hooks
    assert [name for name in hooks if f"## {name}" not in text] == []


def test_every_command_is_documented_and_teaches_by_example() -> None:
    sections = pages()["cli.md"].split("\n## ")[1:]
    assert len(sections) > 15
    names = ("alerts", "dead", "notifiers", "token", "topics", "views")
    groups = {"tracker", *(f"tracker {name}" for name in names)}
    assert {section.split("`")[1] for section in sections if "Example:" not in section} <= groups


def test_every_kind_of_key_is_documented() -> None:
    text = (DOCS / "reference" / "redis.md").read_text(encoding="utf-8")
    kinds = [value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)]
    assert len(kinds) > 10
    assert [kind for kind in kinds if kind.strip(":") not in text] == []


def names_of_metrics() -> set[str]:
    """As Prometheus sees them: what the processes' registries offer, and what is named in the code beside them."""
    registries = [made.registry for made in (Metrics(), PollMetrics(), NotifyMetrics(), ApiMetrics())]
    offered = {metric.name for registry in registries for metric in registry.collect()}
    beside = ("tracker/stream/worker.py", "tracker/wiring.py")
    named = {
        node.value
        for file in beside
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("tracker_")
    }
    assert len(named) >= 4
    return offered | named


def test_every_metric_is_documented_and_no_page_names_one_that_is_not_there() -> None:
    text = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    documented = {name.removesuffix("_total") for name in re.findall(r"^\| `(tracker_[a-z_]+)`", text, re.MULTILINE)}
    assert documented == names_of_metrics()
