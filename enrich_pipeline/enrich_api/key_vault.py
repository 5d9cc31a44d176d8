"""The secret that stored keys are encrypted with: a file outside the database; neither alone gives a key."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from enrich_pipeline.enrich_api.errors import ConfigError

_SECRET_BYTES = 32
_NONCE_BYTES = 12
_OTHERS = 0o077


class KeyVault:
    """Seals keys (AES-256-GCM) and opens them again. Without a secret it seals nothing: digests alone are kept."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._cipher = AESGCM(secret) if secret else None

    @property
    def seals(self) -> bool:
        """Whether a key that is made now can be copied later."""
        return self._cipher is not None

    def seal(self, key: str, digest: bytes) -> bytes | None:
        """The key, encrypted for the row that holds `digest` and for no other; None without a secret."""
        if self._cipher is None:
            return None
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key.encode(), digest)

    def open(self, sealed: bytes | None, digest: bytes) -> str | None:
        """The key again; None when it was not sealed, or with another secret than this one."""
        if self._cipher is None or sealed is None:
            return None
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], digest).decode()
        except InvalidTag:
            return None


def open_vault(path: Path | None) -> KeyVault:
    """The vault whose secret is the file's. A missing file is made, readable by its owner only; None seals nothing.

    Raises:
        ConfigError: when the file can be read by others, cannot be made, or holds no secret of ours.
    """
    if path is None:
        return KeyVault()
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & _OTHERS:
            raise ConfigError(f"{path} must be readable by its owner only: chmod 600 it, then generate the keys anew.")
        secret = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"The file of the keys' secret cannot be used: {path}: {error.strerror}.") from None
    if len(secret) != _SECRET_BYTES:
        raise ConfigError(f"{path} holds no secret of {_SECRET_BYTES} bytes: remove it, then generate the keys anew.")
    return KeyVault(secret)


def _make(path: Path) -> None:
    """Write it whole before it has its name, so that of several processes that start at once all read the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()
