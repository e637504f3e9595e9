"""Definitions on their way in: YAML read and checked, compared with the book, applied, and got back."""
