"""Photos and recordings: chunks in, sealed originals, copies without metadata. Terms: evidence, chain of custody."""
