"""Objects on disk. A key is a small JSON file that names its bytes, so it changes from one whole object to another."""

from __future__ import annotations

import hashlib
import json
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store knows of an object: its key, the file with its bytes, their number and their MD5 in hex."""

    key: str
    blob: str
    size: int
    md5: str
    content_type: str


class Objects:
    """The objects in a directory, which may be shared by the server and its client."""

    def __init__(self, directory: Path) -> None:
        self._blobs = directory / "blobs"
        self._keys = directory / "keys"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._keys.mkdir(exist_ok=True)

    def put(self, key: str, content: BinaryIO, content_type: str = "binary/octet-stream") -> StoredObject:
        """Store all that ``content`` gives; an exception while reading leaves the key as it was."""
        blob = self._blobs / uuid.uuid4().hex
        md5, size = hashlib.md5(usedforsecurity=False), 0
        try:
            with blob.open("wb") as file:
                while piece := content.read(_PIECE):
                    file.write(piece)
                    md5.update(piece)
                    size += len(piece)
        except BaseException:
            blob.unlink()
            raise
        stored = StoredObject(key, blob.name, size, md5.hexdigest(), content_type)
        before = self.find(key)
        temporary = blob.with_suffix(".json")
        temporary.write_text(json.dumps(asdict(stored)))
        temporary.replace(self._key_file(key))
        if before:
            (self._blobs / before.blob).unlink(missing_ok=True)
        return stored

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        if stored := self.find(key):
            self._key_file(key).unlink(missing_ok=True)
            (self._blobs / stored.blob).unlink(missing_ok=True)

    def below(self, prefix: str) -> list[StoredObject]:
        """The objects whose keys begin with a prefix, by key."""
        known = [StoredObject(**json.loads(file.read_text())) for file in self._keys.iterdir()]
        return sorted((stored for stored in known if stored.key.startswith(prefix)), key=lambda stored: stored.key)

    def find(self, key: str) -> StoredObject | None:
        """The object under a key, if there is one."""
        try:
            return StoredObject(**json.loads(self._key_file(key).read_text()))
        except FileNotFoundError:
            return None

    def open(self, key: str) -> tuple[StoredObject, BinaryIO] | None:
        """The object under a key and its bytes, which stay readable when the key is overwritten meanwhile."""
        while stored := self.find(key):
            with suppress(FileNotFoundError):  # overwritten since it was found: the key names other bytes by now
                return stored, (self._blobs / stored.blob).open("rb")
        return None

    def _key_file(self, key: str) -> Path:
        # A key may be longer than a file name may be.
        return self._keys / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}.json"
