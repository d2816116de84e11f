"""The record: one append-only stream per station, and the index keys that are derived from it."""
