"""The vocabulary every stage shares: the life of an alarm, its events, wire messages, errors and the clock."""
