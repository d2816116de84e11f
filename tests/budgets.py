"""What a page may cost when it is opened for the first time, stated once; with both languages, and before any alarm."""

REQUESTS = 25
"""Of any page, its socket and icons among them."""
BYTES = {"/console": 120_000, "/supervisor": 120_000, "/helper": 60_000, "/sign-in": 10_000, "/": 30_000}
"""Gzipped, without heads, of all that the page asks for."""
STREETS = 28_000
"""Gzipped, of the demonstration's streets, which come with the first map."""
