"""Python client of Fujin: what a citizen's device and an officer's console do, for programs.

Speaks the public protocol only and knows nothing of the server's code.
"""

from fujin_client.board import Event, Position
from fujin_client.citizen import Alarm, Citizen
from fujin_client.errors import FujinError, Gap, Refused, SignedOut, Unreachable
from fujin_client.news import Asked, Ladder, News, Said
from fujin_client.officer import Officer
from fujin_client.web import media_type

__all__ = [
    "Alarm",
    "Asked",
    "Citizen",
    "Event",
    "FujinError",
    "Gap",
    "Ladder",
    "News",
    "Officer",
    "Position",
    "Refused",
    "Said",
    "SignedOut",
    "Unreachable",
    "media_type",
]
