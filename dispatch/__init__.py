"""Fujin: a dispatch server for people who need the police and cannot speak."""

__version__ = "0.1.0"
