"""How long a test waits for what must come before it says that it never comes. No verdict is a time."""

PATIENCE_S = 30
"""As long as Playwright waits by itself. What comes late on a busy machine has come; only a fault waits so long."""
