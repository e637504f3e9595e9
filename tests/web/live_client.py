"""A client of the live stream as docs/how-to/follow-live-numbers.md tells to write one: it holds what it was told."""

from __future__ import annotations

from typing import Any

import orjson


class Client:
    """What a client knows, from the bytes it was sent. A frame counts once it is complete."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, str], dict[tuple[str, str | None], Any]] = {}
        """(campaign, who) → (name, currency) → the number."""
        self.heard: dict[tuple[str, str], tuple[Any, ...]] = {}
        """(campaign, who) → at and sources."""
        self.alerts: dict[str, dict[str, Any]] = {}
        self.alert_ids: list[str] = []
        self.events: list[str] = []
        self.lost: list[str] = []
        self.away: list[str] = []
        self.last_id: str | None = None
        self.resumed: list[bool] = []
        self.comments = 0
        self._rest = b""

    def cut_off(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> None:
        self._rest += data
        while b"\n\n" in self._rest:
            frame, _, self._rest = self._rest.partition(b"\n\n")
            self._frame(frame)

    def _frame(self, frame: bytes) -> None:
        fields: dict[bytes, bytes] = {}
        for line in frame.split(b"\n"):
            if line.startswith(b":"):
                self.comments += 1
                continue
            name, _, value = line.partition(b": ")
            assert name in {b"event", b"data", b"id", b"retry"}, line
            fields[name] = value
        if b"id" in fields:
            self.last_id = fields[b"id"].decode()
        if b"event" in fields:
            event = fields[b"event"].decode()
            self.events.append(event)
            getattr(self, f"_on_{event}")(orjson.loads(fields[b"data"]))

    def _on_hello(self, said: dict[str, Any]) -> None:
        self.resumed.append(said["resumed"])
        if not said["resumed"]:
            self.numbers, self.heard, self.alerts, self.away = {}, {}, {}, []

    def _on_lost(self, said: dict[str, Any]) -> None:
        self.lost.append(said["reason"])

    def _on_stale(self, said: dict[str, Any]) -> None:
        self.away = [each["part"] for each in said["away"]]

    def _on_alert(self, said: dict[str, Any]) -> None:
        self.alert_ids.append(said["id"])
        alert = said["data"]
        known = self.alerts.get(alert["id"])
        if known is None or known["serial"] < alert["serial"]:
            self.alerts[alert["id"]] = alert

    def _on_campaign(self, said: dict[str, Any]) -> None:
        campaign = said["campaign"]
        if said["since"] is None:
            for table in (self.numbers, self.heard):
                for place in [place for place in table if place[0] == campaign]:
                    del table[place]
        for scope in said["scopes"]:
            place = campaign, scope["who"]
            if scope["whole"]:
                self.numbers[place] = {}
            into = self.numbers.setdefault(place, {})
            into |= {(number["name"], number["currency"]): number for number in scope["numbers"]}
            self.heard[place] = (scope["at"], *scope["sources"])
            if not into:
                del self.numbers[place], self.heard[place]

    @property
    def open_alerts(self) -> set[tuple[str, int]]:
        return {(id, alert["serial"]) for id, alert in self.alerts.items() if alert["state"] != "resolved"}
