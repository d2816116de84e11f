import json
from pathlib import Path

import pytest

from dispatch.routing.boundaries import Boundaries, parse


@pytest.fixture(scope="session")
def district(root: Path) -> Boundaries:
    """The demonstration district, as served."""
    boundaries, faults = parse(json.loads((root / "config" / "stations.geojson").read_text("utf-8")))
    assert faults == []
    assert boundaries is not None
    return boundaries
