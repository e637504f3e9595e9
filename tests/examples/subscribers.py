"""The example subscribers as processes, each with the file in which it keeps what it handled."""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "subscriber"
POM = EXAMPLES / "java" / "pom.xml"
Language = Literal["python", "java"]
PATIENCE_S = 60.0
MAVEN_S = 300


def why_no_java() -> str | None:
    """None when the Java subscriber can be run here, else what is missing."""
    if shutil.which("java") is None or shutil.which("javac") is None:
        return "no JDK on PATH: Main.java is run from its source"
    if not _libs().is_dir() and shutil.which("mvn") is None:
        return "no mvn on PATH to fetch kafka-clients"
    return None


def java_libs() -> Path:
    """The directory of the Java subscriber's jars, fetched once for each content of its pom.xml."""
    libs = _libs()
    if libs.is_dir():
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=libs.parent) as unfinished:
        fetched = Path(unfinished) / "libs"
        subprocess.run(
            ["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={fetched}"],
            timeout=MAVEN_S,
            check=True,
        )
        try:
            fetched.rename(libs)
        except OSError:
            if not libs.is_dir():  # else another test run was faster, with the same jars
                raise
    return libs


def _libs() -> Path:
    content = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    return ROOT / ".build" / "subscriber" / content / "libs"


def until(holds: Callable[[], bool], what: str, said: Callable[[], str] = str) -> None:
    """Return as soon as it holds; fails with `what` and what the processes said."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s for {what}\n{said()}"
        time.sleep(0.05)


class Subscriber:
    """One of the two programs: started, killed and started again with the same ledger."""

    def __init__(self, language: Language, directory: Path, bootstrap: str, prefix: str) -> None:
        self.language = language
        self.group = f"{prefix}-{language}"
        self._ledger = directory / f"{language}.ledger"
        self._said = directory / f"{language}.log"
        self._environment = {
            "KAFKA_BOOTSTRAP": bootstrap,
            "TOPIC_PREFIX": prefix,
            "CONSUMER_GROUP": self.group,
            "SESSION_SECONDS": "1.5",
        }

    def command(self) -> list[str]:
        """As its README has it."""
        if self.language == "python":
            return [sys.executable, str(EXAMPLES / "python" / "subscriber.py"), str(self._ledger)]
        options = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *options, "-cp", f"{java_libs()}/*", str(EXAMPLES / "java" / "Main.java"), str(self._ledger)]

    def start(self) -> Running:
        return Running(self.command(), self._environment, self._said)

    def handled(self) -> list[str]:
        """The ids of what was handled, in its order."""
        if not self._ledger.exists():
            return []
        if self.language == "java":
            return [line.split("\t")[0] for line in self._ledger.read_text(encoding="utf-8").splitlines()]
        with closing(sqlite3.connect(self._ledger)) as ledger:
            return [row[0] for row in ledger.execute("SELECT id FROM handled ORDER BY number")]

    def said(self) -> str:
        """What it wrote to its standard error, over all of its lives."""
        return self._said.read_text(encoding="utf-8") if self._said.exists() else ""


class Running:
    """A subscriber's process. What it prints stays in the pipe, which holds it up when full, until `listen`."""

    def __init__(self, command: list[str], environment: Mapping[str, str], said: Path) -> None:
        out, self._into = os.pipe()
        self._pipe: IO[bytes] = os.fdopen(out, "rb")
        with said.open("ab") as log:
            self._process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=self._into, stderr=log, cwd=said.parent
            )
        self._full_for = 0
        self._printed = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def is_held_up(self) -> bool:
        """Whether the pipe is full, and has been for long enough for it to notice."""
        _, room, _ = select.select([], [self._into], [], 0)
        self._full_for = 0 if room else self._full_for + 1
        return self._full_for >= 5

    def listen(self) -> None:
        """Take what it prints from now on."""
        os.close(self._into)
        self._into = -1
        self._listener.start()

    def kill(self) -> None:
        """kill -9"""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        return self._process.wait(PATIENCE_S)

    def printed(self) -> list[str]:
        """The ids in the lines that it printed whole. Call it when the process has ended."""
        if not self._listener.ident:
            self.listen()
        self._listener.join(PATIENCE_S)
        return [line.split()[0].decode() for line in self._printed.splitlines(keepends=True) if line.endswith(b"\n")]

    def _listen(self) -> None:
        while content := self._pipe.read1():  # type: ignore[attr-defined]
            self._printed += content

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.kill()
        if self._into >= 0:
            os.close(self._into)
        self._pipe.close()
