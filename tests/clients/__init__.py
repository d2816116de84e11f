"""The Python client and `dispatch send`, against a real server: in this process, or in its own where it is killed."""
