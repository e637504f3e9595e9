"""Bytes on the wire and back: canonical events, raw payloads, dead letters."""
