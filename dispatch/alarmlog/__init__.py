"""Reads afterwards what happened: the log of a station, one alarm's timeline, the check of the hash chain."""
