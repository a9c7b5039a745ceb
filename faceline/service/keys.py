"""The keys of a service: who may ask, teach, or have people forgotten. Only their digests are kept."""

import hmac
import json
import os
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from faceline.disk.reading import parse_json, read_bytes, sha256
from faceline.disk.writing import replacing
from faceline.errors import FacelineError
from faceline.wording import one_line

FILE = "api-keys.json"
DIGEST = re.compile("[0-9a-f]{64}")
ROLES = ("ask", "teach", "admin")  # each may what those before may


@dataclass(frozen=True)
class Key:
    """A key: whose it is, what it is for, and its SHA-256."""

    name: str
    role: str
    sha256: str


class KeyRing:
    """The keys of a work folder as they are now; the file is read again when it is another."""

    def __init__(self, work_dir: Path) -> None:
        self._work_dir = work_dir
        self._state: tuple[int, int, int] | None = None
        self._keys: list[Key] = []

    def __call__(self) -> list[Key]:
        """They; none where the file cannot be used, so that nobody gets in."""
        try:
            status = os.stat(self._work_dir / FILE)
            state = (status.st_ino, status.st_mtime_ns, status.st_size)
            if state != self._state:
                self._keys, self._state = read_keys(self._work_dir), state
        except (OSError, FacelineError):
            self._keys, self._state = [], None
        return self._keys


def read_keys(work_dir: Path) -> list[Key]:
    """The keys of a work folder; raises FacelineError if the file is damaged."""
    path = work_dir / FILE
    if not path.exists():
        return []
    try:
        content = parse_json(read_bytes(path, 10_000_000), path)
        if not isinstance(content, list):
            raise ValueError("not a list")
        keys = [Key(**entry) for entry in content]
        if not all(type(value) is str for key in keys for value in asdict(key).values()):
            raise ValueError("not a key")
        if not all(DIGEST.fullmatch(key.sha256) for key in keys):
            raise ValueError("not a SHA-256")
        if any(key.role not in ROLES for key in keys):
            raise ValueError(f"a role is not one of {', '.join(ROLES)}")
    except (TypeError, ValueError) as error:
        raise FacelineError(f"{one_line(path)}: damaged: {one_line(error)}; remove it, and make new keys") from None
    return keys


def make_key(work_dir: Path, name: str, role: str) -> str:
    """Add a key, in the place of another one of that name, and give it: it cannot be read again."""
    if not name.strip():
        raise FacelineError("a key takes a name; say whose it is")
    if role not in ROLES:
        raise FacelineError(f"unknown role {one_line(role)!r}; choose from {', '.join(ROLES)}")
    secret = secrets.token_urlsafe(32)
    keys = [key for key in read_keys(work_dir) if key.name != name]
    keys.append(Key(name, role, sha256(secret.encode())))
    content = json.dumps([asdict(key) for key in keys], indent=1).encode()
    with replacing(work_dir / FILE) as scratch:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # for nobody else
        os.write(descriptor, content)
        os.close(descriptor)
    return secret


def key_of(secret: str, keys: list[Key]) -> Key | None:
    """The key that somebody has shown; compared in the same time, however much of it is right."""
    digest = sha256(secret.encode("utf-8", "surrogatepass"))
    found = None
    for key in keys:
        if hmac.compare_digest(digest, key.sha256):
            found = key
    return found
