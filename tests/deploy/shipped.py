"""The files of config/deploy as they are shipped, with nothing changed but places: ports, folders, addresses.

A word that is to be replaced and is not there fails the test, so that a test cannot go on about a file of its own.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.nodes import free_ports

DEPLOY = Path(__file__).resolve().parents[2] / "config" / "deploy"
HUBS = (8787, 8788)
"""The ports that the shipped files give to hubs."""


def shipped(name: str, places: Mapping[str, str]) -> str:
    """The text of a shipped file with its places replaced."""
    text = (DEPLOY / name).read_text("utf-8")
    for place in places:
        assert place in text, f"{name} has no {place!r} any more"
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place])
    return text


def certificate(folder: Path) -> None:
    """A certificate for localhost that its own key signed: fullchain.pem and privkey.pem."""
    folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    since = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(private)


class Nginx:
    """nginx with the shipped configuration, in front of hubs.

    Its temporary folders cannot be written: whatever it would put onto the disk becomes an error.

    Args:
        program: nginx.
        folder: where it keeps everything.
        hubs: the ports behind it, two.
        places: further words of dispatch.conf to replace.
    """

    def __init__(self, program: str, folder: Path, hubs: tuple[int, int], **places: str) -> None:
        self.folder = folder
        self.port, self.plain_port = free_ports(2)
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        certificate(folder / "tls")
        for kind in ("body", "answer"):
            (folder / kind).mkdir()
        (folder / "dispatch.conf").write_text(shipped("nginx/dispatch.conf", self._places(hubs) | places), "utf-8")
        whole = shipped(
            "nginx/nginx.conf",
            {
                "/run/nginx.pid": str(folder / "nginx.pid"),
                "/var/log/nginx/error.log": str(folder / "error.log"),
                "/etc/nginx/dispatch.conf": str(folder / "dispatch.conf"),
                "http {\n": "http {\n"
                f"    client_body_temp_path {folder / 'body'};\n    proxy_temp_path {folder / 'answer'};\n",
            },
        )
        (folder / "nginx.conf").write_text(whole, "utf-8")

    def _places(self, hubs: tuple[int, int]) -> dict[str, str]:
        folder = self.folder
        places = {
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "listen 80 ": f"listen 127.0.0.1:{self.plain_port} ",
            "listen [::]:443 ": f"listen [::1]:{self.port} ",
            "listen [::]:80 ": f"listen [::1]:{self.plain_port} ",
            "/etc/dispatch/tls": str(folder / "tls"),
            "/var/log/nginx/dispatch.log": str(folder / "dispatch.log"),
            "dispatch.example.org": "localhost",
        }
        if not _has_ipv6():
            places |= {"listen [::]:443 ": "# listen 443 ", "listen [::]:80 ": "# listen 80 "}
        return places | {f"127.0.0.1:{told}": f"127.0.0.1:{port}" for told, port in zip(HUBS, hubs, strict=True)}

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> Path:
        """Who signed the certificate."""
        return self.folder / "tls" / "fullchain.pem"

    def start(self) -> None:
        """Start it; when this returns it listens."""
        command = [self._program, "-e", str(self.folder / "start.log"), "-p", str(self.folder)]
        conf = ["-c", str(self.folder / "nginx.conf")]
        checked = subprocess.run([*command, "-t", *conf], check=False, capture_output=True, text=True, timeout=30)
        assert checked.returncode == 0, checked.stderr + self.said()
        self._process = subprocess.Popen([*command, *conf, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        while not self._listens():
            assert self._process.poll() is None, self.said()
        for kind in ("body", "answer"):
            (self.folder / kind).chmod(0)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)
            self._process = None
        for kind in ("body", "answer"):
            (self.folder / kind).chmod(0o700)

    def said(self) -> str:
        """All that it logged."""
        return "".join(file.read_text("utf-8", errors="replace") for file in sorted(self.folder.glob("*.log")))


def _has_ipv6() -> bool:
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        return False
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True
