"""Telling people and programs of alerts: queued, signed, guarded, tried again, and written down."""
