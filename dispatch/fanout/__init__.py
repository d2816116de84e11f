"""Each event of a station reaches every console of it, in order, without a gap, encoded once."""
