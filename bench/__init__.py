"""Measurements that anyone can repeat. Each module is a program; see the README here."""
