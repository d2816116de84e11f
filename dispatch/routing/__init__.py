"""Which station an alarm belongs to. Field's terms: service boundary, ECRF (NENA i3)."""
