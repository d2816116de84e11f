"""Servers of others that push one message to many WebSockets, measured on the same work as a hub.

Installed by `python -m bench.peers install DIR` into a folder of their own; never part of Fujin. None of them has the
alarm on the disk when it answers, nor knows who is signed in, where an alarm's step stands, or who confirmed it.
"""

from __future__ import annotations

from bench.peers.base import Peer
from bench.peers.broadcaster import Broadcaster
from bench.peers.nchan import Nchan, NchanRedis
from bench.peers.socketio import SocketIo

ALL: dict[str, type[Peer]] = {
    "socketio": SocketIo,
    "nchan": Nchan,
    "nchan-redis": NchanRedis,
    "broadcaster": Broadcaster,
}
