"""The name of every key in the store. All keys of a partition share a hash tag, so one script may touch them together.

A station belongs to one of P partitions for ever, and so do its alarms; no other module spells a key.
Field's terms: partition, hash tag, hash slot.
"""

from __future__ import annotations

import zlib

PREFIX = "dispatch"
"""What every key begins with, unless configured otherwise (`store.prefix`)."""


def partition_of(station: str, count: int) -> int:
    """The partition of a station, of `count`; never changes for a store."""
    return zlib.crc32(station.encode()) % count


class Keys:
    """Key names of one partition.

    Args:
        partition: its number; part of the hash tag.
        prefix: what every key begins with: several installations may share a server.
    """

    def __init__(self, partition: int = 0, prefix: str = PREFIX) -> None:
        tag = f"{prefix}:{{{partition}}}"
        self.partition = partition
        self.partitions = f"{tag}:partitions"  # string, in partition 0: how many the store was made with
        self.epoch = f"{tag}:epoch"  # string: changes when the store was restored from an older copy
        self.restored = f"{tag}:restored"  # string: when that was found
        self.deadlines = f"{tag}:deadlines"  # sorted set: alarm id -> ms; an index, the truth is the alarm
        self.endings = f"{tag}:endings"  # sorted set: alarm id -> ms at which its content ends; an index likewise
        self.removing = f"{tag}:removing"  # sorted set: wiped alarm id -> ms from which a worker may remove its media
        self.rewrite = f"{tag}:rewrite"  # hash: wipes so far, and those that left the append-only file (store.rewrite)
        self.ends = f"{tag}:ends"  # hash: station -> "OFFSET HEAD" of its last entry: where, and its link in the chain
        self.lapses = f"{tag}:lapses"  # sorted set: `station|officer|role|console` -> ms at which its readiness lapses
        self.heard = f"{tag}:heard"  # sorted set: `officer|station` -> ms at which a console of theirs was last heard
        self.lost = f"{tag}:lost"  # set: `officer|station` of whom no console was heard for too long
        self.floods = f"{tag}:floods"  # hash: station in a flood -> when it began and how many there were, as JSON
        self.bursts = f"{tag}:bursts"  # hash: `station|burst` -> the alarm that escalates for it
        self.copies = f"{tag}:copies"  # sorted set: `station|alarm` of closed copies -> ms at which to look at it again
        self.outbox = f"{tag}:outbox"  # list: what has to be copied to the streams of called-in stations
        self.copying = f"{tag}:copying"  # sorted set: "alarm media" -> ms from which a worker may take it
        self.receiving = f"{tag}:receiving"  # sorted set: "alarm media" -> ms at which the recording is cut
        self.lives = f"{tag}:lives"  # sorted set: "alarm media" -> ms until which its growing copy is kept up
        self.lease = f"{tag}:lease"  # hash: which `hub` runs the timers, its fencing `token`, `until` when in ms
        self.witness = f"{tag}:witness"  # hash: hub's data folder -> a number that only grows
        self.mark = f"{tag}:mark"  # counter: written so that a replica's confirmation covers all that was before it
        self.time = f"{tag}:time"  # hash, in partition 0: how far time is from the store's clock (`stream.timekeeping`)
        self.hubs = f"{tag}:hubs"  # sorted set, in partition 0: hub -> ms until which it is taken to live
        self.configured = (
            f"{tag}:configured"  # hash, in partition 0: hub -> with what it lives (dispatch.config.versions)
        )
        self.configurations = f"{tag}:configurations"  # hash, in partition 0: digest of a configuration -> its number
        self.late = f"{tag}:late"  # sorted set, in partition 0: what was late, as JSON -> ms at which it was found
        self.sharing = f"{tag}:sharing"  # sorted set: `station|name` -> ms at which the place of who shares it lapses
        self.sign_ins = f"{tag}:sign-ins"  # sorted set, in partition 0: hash of a token -> ms at which its sign-in ends
        self.users = f"{tag}:users"  # hash: name -> user
        self.notified = f"{tag}:notified"  # hash: station -> offset up to which its events were planned to be sent
        self.notify_jobs = f"{tag}:notify-jobs"  # hash: job -> what is to be sent (`dispatch.notify.outbox`)
        self.push_key = f"{tag}:push-key"  # string, in partition 0: the public key that all hubs must push with
        self.push_owners = f"{tag}:push-owners"  # hash, in partition 0: subscription -> user
        self.messengers = f"{tag}:messengers"  # hash, in partition 0: "NAME sent" and "NAME failed" -> when, how
        self.codes = f"{tag}:codes"  # sorted set: "CODE alarm home", all of one score (`dispatch.alarmlog.index`)
        self.indexed = f"{tag}:indexed"  # hash: station -> offset up to which its events were looked at for that index
        self.words_of = f"{tag}:words:"  # what `words` begins with
        self._tag = tag

    def stream(self, station: str) -> str:
        """Stream of records; entry id is OFFSET-0, without gaps."""
        return f"{self._tag}:stream:{station}"

    def alarm(self, alarm: str) -> str:
        """Hash: `v` version, `s` snapshot, `k` hash of the secret, `p` hash of the cancel number."""
        return f"{self._tag}:alarm:{alarm}"

    def home(self, alarm: str) -> str:
        """Hash, in the partition of the alarm's id: the `first` route that it was sent by (`dispatch.stream.homes`)."""
        return f"{self._tag}:home:{alarm}"

    def mirror(self, station: str, alarm: str) -> str:
        """Hash like `alarm`: the copy of another station's alarm for a station that was called in."""
        return f"{self._tag}:mirror:{station}:{alarm}"

    def words(self, station: str, alarm: str) -> str:
        """Hash: version -> what people wrote, showed or where they are, apart from the record."""
        return f"{self._tag}:words:{station}:{alarm}"

    def done(self, alarm: str) -> str:
        """Hash: command key -> digest and version: nothing is done twice; of stations' own events too."""
        return f"{self._tag}:done:{alarm}"

    def answered(self, once: str) -> str:
        """String or list: what was answered to one command, should its answer be lost; expires."""
        return f"{self._tag}:answered:{once}"

    def history(self, station: str) -> str:
        """Sorted set: "alarm home" -> ms at which it was raised, of every alarm in the station's stream."""
        return f"{self._tag}:history:{station}"

    def had(self, officer: str) -> str:
        """Sorted set: likewise, of the partition's alarms that the officer had or closed."""
        return f"{self._tag}:had:{officer}"

    def trail(self, station: str, alarm: str) -> str:
        """Hash: version -> offset in the station's stream, of each event of the alarm."""
        return f"{self._tag}:trail:{station}:{alarm}"

    def open(self, station: str) -> str:
        """Set of the ids of the station's own open alarms."""
        return f"{self._tag}:open:{station}"

    def mirrors(self, station: str) -> str:
        """Set of the ids of other stations' open alarms to which the station was called in."""
        return f"{self._tag}:mirrors:{station}"

    def bell(self, station: str) -> str:
        """Sharded channel on which every append to the station's stream is published."""
        return f"{self._tag}:bell:{station}"

    def receipts(self, alarm: str) -> str:
        """Hash: officer -> time, of the officers whose consoles confirmed the alarm."""
        return f"{self._tag}:receipts:{alarm}"

    def ready(self, station: str) -> str:
        """Sorted set: `officer|role|console` -> ms at which its readiness lapses."""
        return f"{self._tag}:ready:{station}"

    def awake(self, station: str) -> str:
        """Sorted set: `officer|role` -> ms at which the readiness of the last of its consoles lapses."""
        return f"{self._tag}:awake:{station}"

    def raised(self, station: str) -> str:
        """Sorted set: alarm id -> ms at which it was raised, of the station's latest alarms."""
        return f"{self._tag}:raised:{station}"

    def burst(self, station: str, burst: str) -> str:
        """Sorted set: alarm of the burst -> ms at which it came; expires."""
        return f"{self._tag}:burst:{station}:{burst}"

    def signed(self, station: str) -> str:
        """Hash: officer -> on or off duty beside the rota, and until when."""
        return f"{self._tag}:signed:{station}"

    def places(self, station: str) -> str:
        """Hash: who shares their place, or is on watch -> the latest, and since when (`dispatch.nearby.places`)."""
        return f"{self._tag}:places:{station}"

    def chunks(self, alarm: str, media: str) -> str:
        """Hash: seq -> size, SHA-256 and object of a stored chunk."""
        return f"{self._tag}:chunks:{alarm}:{media}"

    def media(self, alarm: str, media: str) -> str:
        """Hash: `bytes` stored so far, `ended` and `copy` as JSON once they are so, `deaths` of workers.

        Also what its chunks `summed` up to when somebody wanted it to end, and how often they were summed (`sums`).
        """
        return f"{self._tag}:media:{alarm}:{media}"

    def live(self, alarm: str, media: str) -> str:
        """Hash: the growing copy of a recording that someone listens to (`dispatch.media.live_index`)."""
        return f"{self._tag}:live:{alarm}:{media}"

    def live_parts(self, alarm: str, media: str) -> str:
        """List: the sizes of the growing copy's parts, in order."""
        return f"{self._tag}:live-parts:{alarm}:{media}"

    def media_of(self, alarm: str) -> str:
        """Set of the ids of the alarm's media that have a chunk."""
        return f"{self._tag}:media-of:{alarm}"

    def notify_due(self, channel: str) -> str:
        """Sorted set: job of the channel -> ms from which a hub may send it."""
        return f"{self._tag}:notify-due:{channel}"

    def deliveries(self, station: str) -> str:
        """List: the latest attempts to send, newest first."""
        return f"{self._tag}:deliveries:{station}"

    def pushed(self, alarm: str) -> str:
        """Set of the subscriptions whose device may show that the alarm waits; expires."""
        return f"{self._tag}:pushed:{alarm}"

    def subscriptions(self, user: str) -> str:
        """Hash, in partition 0: a user's push subscriptions (`dispatch.notify.subscriptions`)."""
        return f"{self._tag}:subscriptions:{user}"

    def session(self, digest: str) -> str:
        """String: the user of a sign-in, by the hash of its token."""
        return f"{self._tag}:session:{digest}"

    def sessions_of(self, user: str) -> str:
        """Set of the session digests of a user, so that all can be ended."""
        return f"{self._tag}:sessions:{user}"

    def attempts(self, whose: str) -> str:
        """Counter of attempts to sign in as a user, from one place or on one device; expires."""
        return f"{self._tag}:attempts:{whose}"
