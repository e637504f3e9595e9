"""Importing files: what arrives, where it stops, and how it goes on."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.harness.brokers import Broker
from tests.ingest.doors import SampleAdapter, publishing, read_inbox
from tracker.domain.events import Fact
from tracker.ingest.importer import Imported, ImportStopped, import_file
from tracker.ingest.publisher import Publisher
from tracker.plugin.api import DueItem, RawPayload, Unreadable
from tracker.topics import Topics

FACT = {"type": "post.published", "platform": "sample", "account": "a", "post": "p", "observed_at": 5}
RAW = {"platform": "sample", "received_at": 7, "body": '{"é":1}', "headers": {"x": "y"}, "endpoint": "posts",
       "items": [{"platform": "sample", "account": "a", "post": "p"}], "status": 200}  # fmt: skip


class Strict(SampleAdapter):
    """Reads everything but the word BAD."""

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        if b"BAD" in raw.body:
            raise Unreadable("the word BAD")
        return []


ADAPTERS = {"sample": Strict(), "direct": Strict("direct")}


@pytest.fixture
async def publisher(kafka: Broker, topic_prefix: str) -> AsyncIterator[Publisher]:
    async with publishing(kafka.bootstrap, topic_prefix, partitions=1) as started:
        yield started


def write(path: Path, *lines: object) -> Path:
    file = path / "import.jsonl"
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return file


async def test_raw_payloads_and_facts_arrive_as_they_stand(publisher: Publisher, tmp_path: Path) -> None:
    binary = {"platform": "sample", "received_at": 8, "body_base64": base64.b64encode(b"\xff\x00").decode()}
    file = write(tmp_path, RAW, b"", FACT, binary)
    told: list[tuple[int, int]] = []
    done = await import_file(file, publisher, ADAPTERS, now=9, on_progress=lambda *seen: told.append(seen))
    assert done == Imported(records=3, next_line=5)
    assert told == [(4, file.stat().st_size)]
    raw, fact, bytes_ = await read_inbox(publisher.bootstrap, publisher.topics)
    item = DueItem(platform="sample", account="a", post="p")
    assert raw == RawPayload(platform="sample", source="import", name="import", received_at=7, headers={"x": "y"},
                             body='{"é":1}'.encode(), endpoint="posts", items=(item,), status=200)  # fmt: skip
    assert (fact.platform, fact.source, fact.received_at, json.loads(fact.body)) == ("direct", "import", 9, FACT)
    assert bytes_.body == b"\xff\x00"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "JSON|line"),
        (b"[]", "object"),
        (b"\xff", "UTF-8"),
        (b'{"type":"x","type":"y"}', "twice|duplicate|two"),
        ({**RAW, "body": "BAD"}, "BAD"),
        ({**FACT, "text": "BAD"}, "BAD"),
        ({**RAW, "platform": "nosuch"}, "nosuch"),
        ({**RAW, "body_base64": ""}, "one of"),
        ({"platform": "sample", "received_at": 1, "body_base64": "%"}, "body"),
        ({**RAW, "received_at": "now"}, "received_at"),
        ({**RAW, "colour": 1}, "colour"),
    ],
)
async def test_a_bad_line_stops_the_import_there_and_it_goes_on_from_there(
    publisher: Publisher, tmp_path: Path, bad: object, reason: str
) -> None:
    file = write(tmp_path, RAW, RAW, bad, RAW)
    with pytest.raises(ImportStopped, match=reason) as stopped:
        await import_file(file, publisher, ADAPTERS, now=9)
    assert (stopped.value.line, stopped.value.next_line) == (3, 3)
    assert f"{file}:3:" in str(stopped.value)
    assert len(await read_inbox(publisher.bootstrap, publisher.topics)) == 2
    write(tmp_path, RAW, RAW, FACT, RAW)
    assert await import_file(file, publisher, ADAPTERS, now=9, from_line=3) == Imported(records=2, next_line=5)
    assert len(await read_inbox(publisher.bootstrap, publisher.topics)) == 4


@pytest.mark.slow
async def test_what_kafka_does_not_acknowledge_stops_the_import_with_its_line(tmp_path: Path) -> None:
    nowhere = Publisher("127.0.0.1:1", Topics())
    with pytest.raises(ImportStopped, match="--from-line 1"):
        await import_file(write(tmp_path, RAW, RAW), nowhere, ADAPTERS, now=9)
    await nowhere.stop()


async def test_an_import_of_many_lines_is_complete(publisher: Publisher, tmp_path: Path) -> None:
    file = write(tmp_path, *[{**FACT, "post": f"p-{number}"} for number in range(1_300)])
    assert await import_file(file, publisher, ADAPTERS, now=9) == Imported(records=1_300, next_line=1_301)
    found = await read_inbox(publisher.bootstrap, publisher.topics)
    assert len({json.loads(raw.body)["post"] for raw in found}) == len(found) == 1_300
