"""Whatever strangers do, an alarm from before it is as it was, and another one is taken."""

from tests.intake.conftest import earlier

__all__ = ["earlier"]
