"""nchan, a module of nginx in C: without a store, and with Redis. Debian's packages, unpacked and not installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import ClassVar

from bench.peers.base import SERVERS, Listener, NotInstalled, Peer, done

_REDIS = "upstream store { nchan_redis_server $redis; }"


class Nchan(Peer):
    name = "nchan, no store"
    store = "in nginx's memory only"
    versions: ClassVar[str] = "nchan 1.3.6 on nginx 1.22 (Debian 12)"

    @classmethod
    def install(cls, home: Path) -> None:
        folder = home / "nchan"
        if (folder / "usr/sbin/nginx").exists():
            return
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise NotInstalled("nchan is taken from Debian's packages: apt-get and dpkg-deb are needed")
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "packages").mkdir(parents=True)
        done(["apt-get", "download", "nginx", "libnginx-mod-nchan"], folder / "packages")
        for package in sorted((folder / "packages").glob("*.deb")):
            done(["dpkg-deb", "-x", package, folder])
        done([folder / "usr/sbin/nginx", "-v"])

    def command(self, folder: Path, port: int, redis: str) -> tuple[Sequence[str | Path], Mapping[str, str]]:
        home = self.home / "nchan"
        given = Template((SERVERS / "nchan.conf").read_text("utf-8")).substitute(
            module=home / "usr/lib/nginx/modules/ngx_nchan_module.so", folder=folder, port=port,
            user="user root;" if os.geteuid() == 0 else "",
            upstream=Template(_REDIS).substitute(redis=redis) if redis else "",
            store="nchan_redis_pass store;" if redis else "",
        )  # fmt: skip
        (folder / "nginx.conf").write_text(given, "utf-8")
        return [home / "usr/sbin/nginx", "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"], {}

    def listener(self) -> Listener:
        return Listener(self, "/console")


class NchanRedis(Nchan):
    name = "nchan + Redis"
    store = "in memory (Redis's defaults); not on the disk"
    redis: ClassVar[bool] = True
