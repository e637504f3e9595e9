"""How an event is written: all of it as one JSON object, or its CloudEvents attributes as Kafka headers.

Run: python -m bench.codec_bench [events]. Both forms of CloudEvents 1.0's Kafka binding, over aiokafka's own record
batches (magic 2, uncompressed): struct → batch bytes → struct. The best of five rounds, in microseconds an event.
Decision: ADR 0001.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any, get_args, get_type_hints

import msgspec
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from tracker.codec.events import decode, encode
from tracker.domain import events as ev

ROUNDS = 5
BATCH = 2_000
Headers = list[tuple[str, bytes]]
Written = tuple[bytes, Headers]

_KINDS: dict[bytes, type[ev.Event]] = {str(kind.__struct_config__.tag).encode(): kind for kind in get_args(ev.AnyEvent)}
_DATA = {tag: msgspec.json.Decoder(get_type_hints(kind)["data"]) for tag, kind in _KINDS.items()}
_TAGS = {kind: tag for tag, kind in _KINDS.items()}
_encoder = msgspec.json.Encoder()


def structured(event: ev.AnyEvent) -> Written:
    """Structured mode, as `tracker.codec.events` does it."""
    return encode(event), []


def read_structured(value: bytes, _headers: Sequence[tuple[str, bytes]]) -> ev.AnyEvent:
    return decode(value)


def in_headers(event: ev.AnyEvent) -> Written:
    """Binary mode: the attributes are headers, the value is the fact."""
    return _encoder.encode(event.data), [
        ("ce_specversion", b"1.0"),
        ("ce_type", _TAGS[type(event)]),
        ("ce_source", event.source.encode()),
        ("ce_id", event.id.encode()),
        ("ce_schemaversion", b"1"),
        ("content-type", b"application/json"),
    ]


def read_headers(value: bytes, headers: Sequence[tuple[str, bytes]]) -> Any:
    """The event, with the same checks: a known type, source and version."""
    attributes = dict(headers)
    if attributes["ce_specversion"] != b"1.0" or attributes["ce_schemaversion"] != b"1":
        raise ValueError(attributes)
    tag = attributes["ce_type"]
    source: Any = attributes["ce_source"].decode()
    if source not in get_args(ev.Source):
        raise ValueError(source)
    kind: Any = _KINDS[tag]
    return kind(id=attributes["ce_id"].decode(), source=source, data=_DATA[tag].decode(value))


def mixed(number: int) -> list[ev.AnyEvent]:
    """Four observations to one publication, as polling makes them. Synthetic."""
    made: list[ev.AnyEvent] = []
    for offset in range(number):
        at = 1_780_000_000_000 + offset
        origin = ev.Origin("bm9fc3VjaF90b3BpY19pZA", offset % 8, offset, 0)
        account, post = f"1784140000000{offset % 400:04}", f"1800000000000{offset % 4_000:04}"
        fact: ev.Fact = ev.ReactionObserved(
            platform="instagram", account=account, post=post, observed_at=at, origin=origin,
            published_at=at - 60_000, likes=offset % 5_000, comments=offset % 90, saves=3, views=offset,
            reach=offset // 2,
        )  # fmt: skip
        if offset % 5 == 0:
            fact = ev.PostPublished(
                platform="instagram", account=account, post=post, observed_at=at, origin=origin,
                occurred_at=at, text="新作のコスメを試しました #glow2026 #PR @glow.official", medium="reel",
                permalink=f"https://www.instagram.com/reel/{offset}/",
            )  # fmt: skip
        made.append(ev.wrap(fact, id=f"bm9fc3Vj-{offset % 8}-{offset}-0", source="poll"))
    return made


def batches(written: Iterable[Written]) -> list[bytes]:
    """Record batches as aiokafka's producer makes them."""
    made: list[bytes] = []
    builder, records = _builder(), 0
    for value, headers in written:
        builder.append(records, timestamp=1, key=b"instagram:17841400000000001", value=value, headers=headers)
        records += 1
        if records == BATCH:
            made.append(bytes(builder.build()))
            builder, records = _builder(), 0
    if records:
        made.append(bytes(builder.build()))
    return made


def read(batches: Iterable[bytes]) -> list[tuple[bytes, Sequence[tuple[str, bytes]]]]:
    """The records of batches as aiokafka's consumer reads them."""
    found = []
    for batch in batches:
        records = MemoryRecords(batch)
        while records.has_next():
            found += [(record.value, record.headers) for record in records.next_batch()]
    return found


def _builder() -> Any:
    return DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=8 * 1024 * 1024,
    )


def best(work: Callable[[], object], events: int) -> float:
    """Microseconds an event, in the best round."""
    times = []
    for _ in range(ROUNDS):
        begun = perf_counter()
        work()
        times.append(perf_counter() - begun)
    return min(times) / events * 1e6


def main(number: int = 50_000) -> None:
    events = mixed(number)
    print(f"{number} events, best of {ROUNDS}, µs an event")
    print(f"{'':<12} {'encode':>8} {'to batch':>9} {'from batch':>11} {'decode':>8} {'all':>8} {'bytes':>7}")
    for name, write, take in (("structured", structured, read_structured), ("headers", in_headers, read_headers)):
        written = [write(event) for event in events]
        packed = batches(written)
        found = read(packed)
        assert [take(value, headers) for value, headers in found] == events
        costs = [
            best(lambda write=write: [write(event) for event in events], number),  # type: ignore[misc]
            best(lambda written=written: batches(written), number),  # type: ignore[misc]
            best(lambda packed=packed: read(packed), number),  # type: ignore[misc]
            best(lambda take=take, found=found: [take(*record) for record in found], number),  # type: ignore[misc]
        ]
        size = sum(map(len, packed)) / number
        print(f"{name:<12} " + "{:8.2f} {:9.2f} {:11.2f} {:8.2f}".format(*costs) + f" {sum(costs):8.2f} {size:7.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
