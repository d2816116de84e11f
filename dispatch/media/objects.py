"""The object store, with everything in it sealed: AES-256-GCM, a fresh nonce for each object, its path bound to it.

Returns from `put` only when the object is synced to disk (P1). Never writes a plain byte, never keeps one.
Field's terms: encryption at rest, authenticated encryption with associated data.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused

_FORM = b"\x01"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_FOLDERS_REMEMBERED = 1024
_RETRIES = 2
_PROBE = "start"


class KeyUnusable(Exception):
    """The media key cannot be used; the message says why and how to mend it."""


class Unusable(Exception):
    """The object store cannot be used; the message says what it answered."""


class Damaged(Exception):
    """An object is gone, was changed, or was sealed with another key."""


def open_key(path: Path, make: bool) -> bytes:
    """The key in the file at `path`: 64 hex digits. With `make`, a missing file is made, mode 0600.

    Raises:
        KeyUnusable: missing, unreadable, not a key.
    """
    try:
        if make and not path.exists():
            _make_key(path)
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise KeyUnusable(
            f"{path}: no such file; put 64 hex digits there (`openssl rand -hex 32`), or restore the key that sealed"
            " the media: without it none can be opened"
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise KeyUnusable(f"{path}: cannot be used as the media key ({fault})") from None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise KeyUnusable(f"{path}: the media key must be 64 hex digits (32 bytes); this is not")
    return key


def _make_key(path: Path) -> None:
    """Write a new key so that a crash leaves a whole one or none, and two starts at once agree on one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass  # another start was first: its key is the key
    finally:
        fresh.unlink()
    _sync(path.parent)
    _sync(path.parent.parent)


class Objects:
    """Sealed objects in a folder or in a bucket.

    Args:
        where: a folder (made if missing, mode 0700), or a URL (`s3://bucket/path`, `gs://`, `az://`); address and
            sign-in of a bucket come from the environment (`AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID`, ...).
        key: 32 bytes, from `open_key`.
        answer_s: a bucket that has not answered by then has not stored it.
    """

    def __init__(self, where: Path | str, key: bytes, answer_s: float = 10) -> None:
        self._cipher = AESGCM(key)
        self._key = key
        self._head = _FORM + hashlib.sha256(b"dispatch media key " + key).digest()[:4]
        self._folder: Path | None = None
        self._linked: OrderedDict[Path, None] = OrderedDict()
        self._store: ObjectStore
        if isinstance(where, Path):
            self._folder = where.absolute()
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._store = LocalStore(self._folder)
        else:
            each = timedelta(seconds=answer_s / (_RETRIES + 1))
            plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")  # options replace what it says
            self._store = from_url(
                where, client_options={"timeout": each, "connect_timeout": each, "allow_http": plain},
                retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=answer_s)},
            )  # fmt: skip

    def derived(self, purpose: str) -> bytes:
        """Another key, the same at every hub that shares this one, from which this one cannot be told."""
        return hmac.new(self._key, b"dispatch derived " + purpose.encode(), hashlib.sha256).digest()

    async def check(self) -> None:
        """Store, read and delete a small object: whether this place can be used at all.

        Raises:
            Unusable: it can not; says what it answered.
        """
        path = f"{_PROBE}/{secrets.token_hex(8)}"
        try:
            await self.put(path, b"?")
            await self.get(path)
            await self.delete([path])
        except (Refused, Damaged) as fault:
            raise Unusable(_first_line(fault.__cause__ or fault)) from None

    def has_room(self, size: int, kept: int) -> bool:
        """Whether `size` bytes more would leave `kept` free of the folder's disk; a bucket has."""
        return self._folder is None or shutil.disk_usage(self._folder).free - size >= kept

    async def put(self, path: str, plain: bytes) -> None:
        """Seal `plain` and store it at `path`; what is there already is replaced as a whole.

        Raises:
            Refused: `not_stored`.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._head + nonce + self._cipher.encrypt(nonce, plain, path.encode())
        try:
            await obstore.put_async(self._store, path, sealed)
            if self._folder is not None:
                await asyncio.to_thread(self._sync_local, self._folder, path)
        except (BaseError, OSError) as fault:
            raise Refused(errors.NOT_STORED, f"the object store did not confirm ({type(fault).__name__})") from fault

    async def get(self, path: str) -> bytes:
        """The plain bytes of the object at `path`.

        Raises:
            Damaged: it is gone, was changed or moved, or another key sealed it.
            Refused: `not_stored`: the object store does not answer.
        """
        try:
            sealed = bytes(await (await obstore.get_async(self._store, path)).bytes_async())
        except (NotFoundError, FileNotFoundError):
            raise Damaged(f"{path}: gone from the object store") from None
        except (BaseError, OSError) as fault:
            raise Refused(errors.NOT_STORED, f"the object store does not answer ({type(fault).__name__})") from fault
        cut = len(self._head)
        if sealed[:cut] != self._head:
            raise Damaged(f"{path}: sealed with another key or in another form")
        nonce, rest = sealed[cut : cut + _NONCE_BYTES], sealed[cut + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, path.encode())
        except (InvalidTag, ValueError):
            raise Damaged(f"{path}: its bytes are not those that were sealed here") from None

    async def delete(self, paths: Sequence[str]) -> None:
        """Delete what is at `paths`; what is not there is as good as deleted."""
        for path in paths:
            try:
                await obstore.delete_async(self._store, path)
            except (NotFoundError, FileNotFoundError):
                continue
            except (BaseError, OSError) as fault:
                raise Refused(
                    errors.NOT_STORED, f"the object store does not answer ({type(fault).__name__})"
                ) from fault

    async def under(self, prefix: str) -> list[tuple[str, datetime]]:
        """(path, when it was written, by the object store's clock) of every object whose path begins with `prefix`/.

        Raises:
            Refused: `not_stored`: the object store does not answer.
        """
        try:
            found = await obstore.list(self._store, prefix).collect_async()
        except (BaseError, OSError) as fault:
            raise Refused(errors.NOT_STORED, f"the object store does not answer ({type(fault).__name__})") from fault
        return [(each["path"], each["last_modified"]) for each in found]

    async def prune(self, prefix: str) -> None:
        """Of a folder on disk: take away what is left at `prefix`, empty folders and pieces of interrupted writes."""
        if self._folder is not None:
            root = self._folder / prefix
            await asyncio.to_thread(_remove, root)
            for folder in [folder for folder in self._linked if folder == root or root in folder.parents]:
                del self._linked[folder]

    def _sync_local(self, root: Path, path: str) -> None:
        """Sync the file, its entry in its folder, and the entries of folders that are new (obstore syncs nothing)."""
        file = root / path
        _sync(file)
        _sync(file.parent)
        for folder in file.parents:
            if folder == root or folder in self._linked:
                break
            _sync(folder.parent)
            self._linked[folder] = None
            if len(self._linked) > _FOLDERS_REMEMBERED:
                self._linked.popitem(last=False)


def _first_line(fault: BaseException) -> str:
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(fault).__name__


def _remove(root: Path) -> None:
    """Delete the folder, so that no crash brings it back; the one that it was in too, when that is empty now."""
    shutil.rmtree(root, ignore_errors=True)
    with contextlib.suppress(OSError):
        _sync(root.parent)
        root.parent.rmdir()
        _sync(root.parent.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
