"""A plugin from outside the tree: installed by pip, found by its entry point, its events counted."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tracker.domain.events import Instant
from tracker.plugin import PlatformAdapter, RawPayload
from tracker.plugin.testing import NOW, AdapterContract

OUTSIDE = Path(__file__).parent / "outside"


def pebble() -> PlatformAdapter:
    """The adapter of the plugin's source, which this environment does not know."""
    spec = importlib.util.spec_from_file_location("pebble_plugin", OUTSIDE / "src" / "pebble_plugin" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    [adapter] = module.tracker_platforms()
    found: PlatformAdapter = adapter
    return found


class TestPebbleKeepsTheContract(AdapterContract):
    adapter = pebble()
    samples = (
        RawPayload(
            platform="pebble",
            source="webhook",
            name="main",
            received_at=NOW,
            body=b'{"thrower":"t","pebble":"p","thrown_at":1780000000,"seen_at":1780000060,"skims":7,"words":"flat"}',
        ),
    )

    def sign(self, body: bytes, secret: str, now: Instant) -> Mapping[str, str]:
        return {"x-pebble-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has installed the distribution: offline, and outside this environment."""
    work = tmp_path_factory.mktemp("outside plugin")
    shutil.copytree(OUTSIDE, work / "source", ignore=shutil.ignore_patterns("__pycache__"))
    target = work / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", str(target), str(work / "source")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


def told(installed: Path) -> Any:
    done = subprocess.run(
        [sys.executable, str(OUTSIDE / "story.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.integration
def test_a_plugin_installed_by_pip_is_found_and_its_events_reach_the_counters(installed: Path) -> None:
    story = told(installed)
    assert story["plugins"]["pebble"] == "pebble-plugin 0.3.1"
    assert {"instagram", "tiktok", "youtube", "direct"} <= set(story["plugins"])
    assert story["verified"] is True
    assert story["refused"] == []
    for scope in ("spring/", "spring/thrower"):
        counters = story["counters"][scope]
        assert {name: counters.get(name) for name in ("posts", "posts.live", "posts.by.agreement", "likes")} == {
            "posts": 1,
            "posts.live": 1,
            "posts.by.agreement": 1,
            "likes": 7,
        }
        assert counters["views.unknown"] == 1
