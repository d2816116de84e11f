"""The server that keeps the record: reached, checked, kept alive, asked whether its replicas have it."""
