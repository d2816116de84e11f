"""The Python client and `dispatch send`, against a real server in its own process."""
