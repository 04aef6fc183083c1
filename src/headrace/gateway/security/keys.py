"""API keys: a new one with what is kept of it, and a file of such records that is never half written.

A key is `hr_<id>_<secret>`. The file keeps the id, by which a key is found, and a salted BLAKE2b hash of the
secret. A slow hash such as bcrypt or Argon2 would protect what people choose; a secret of 256 random bits
cannot be guessed from its hash however fast that is, and a fast one costs a request a microsecond.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from headrace.documents.files.atomic import write_whole
from headrace.errors import SpecError
from headrace.gateway.security.scopes import ANYTHING
from headrace.spec.suggest import did_you_mean

PREFIX = 'hr_'
LONGEST = 128
"""Characters of what may be a key: more are not looked at."""

Hex = Annotated[str, Meta(pattern='^[0-9a-f]{1,32}$')]
Salt = Annotated[str, Meta(pattern='^[0-9a-f]{32}$')]
Hash = Annotated[str, Meta(pattern='^[0-9a-f]{64}$')]


class Key(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a key: whose it is, what it opens and until when; not the key itself.

    `created` and `expires` are seconds since 1970; without `expires` it has no end.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    id: Hex
    salt: Salt
    hash: Hash
    scopes: tuple[str, ...] = ANYTHING
    executors: tuple[str, ...] = ANYTHING
    created: float = 0.0
    expires: float | None = None

    def is_expired(self, now: float) -> bool:
        """Whether its time is over."""
        return self.expires is not None and now >= self.expires

    def fits(self, secret: str) -> bool:
        """Whether this is the key's secret; it takes equally long wherever they differ."""
        return hmac.compare_digest(_hash(secret, self.salt), self.hash)


class KeyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """All keys of a file."""

    keys: tuple[Key, ...] = ()


NOBODY = Key(name='nobody', id='0', salt='00' * 16, hash='00' * 32, expires=0)
"""What an unknown key is compared with, so that it takes as long as a known one."""


def new_key(
    name: str,
    *,
    scopes: tuple[str, ...] = ANYTHING,
    executors: tuple[str, ...] = ANYTHING,
    expires: float | None = None,
) -> tuple[str, Key]:
    """A new key, to be shown once, and what is kept of it."""
    identifier, secret, salt = secrets.token_hex(6), secrets.token_urlsafe(32), secrets.token_hex(16)
    kept = Key(
        name=name,
        id=identifier,
        salt=salt,
        hash=_hash(secret, salt),
        scopes=scopes,
        executors=executors,
        created=round(time.time(), 3),
        expires=expires,
    )
    return f'{PREFIX}{identifier}_{secret}', kept


def split(text: str) -> tuple[str, str]:
    """The id and the secret of a key; ('', '') for what cannot be one."""
    if not text.startswith(PREFIX) or len(text) > LONGEST:
        return '', ''
    identifier, _, secret = text[len(PREFIX) :].partition('_')
    return identifier, secret


def _hash(secret: str, salt: str) -> str:
    return blake2b(secret.encode(), salt=bytes.fromhex(salt), digest_size=32).hexdigest()


def read(path: str | os.PathLike[str]) -> KeyFile:
    """The keys of a file; SpecError that names it if it is none."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=KeyFile)
    except FileNotFoundError:
        raise SpecError(
            f'gateway.security.keys: there is no file {os.fspath(path)!r}',
            help=f'make one: headrace keys add NAME --file {os.fspath(path)}',
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise SpecError(
            f'gateway.security.keys: {os.fspath(path)!r} is no file of keys: {error}',
            help='let `headrace keys` write it',
        ) from error


def write(path: str | os.PathLike[str], file: KeyFile) -> None:
    """Write all keys to a file that only its owner reads; a crash leaves the one before."""
    if not os.path.exists(path):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # what takes its place has its permissions
    write_whole(path, [msgspec.json.format(msgspec.json.encode(file)), b'\n'])


@contextmanager
def editing(path: str | os.PathLike[str]) -> Iterator[KeyFile]:
    """The keys of a file (none if it is not there yet), while nobody else of this machine changes them."""
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield read(path) if os.path.exists(path) else KeyFile()
    finally:
        os.close(folder)


def add(path: str | os.PathLike[str], key: Key) -> None:
    """Put a key into a file; SpecError if there is one of its name."""
    with editing(path) as file:
        if any(each.name == key.name for each in file.keys):
            raise SpecError(
                f'there is a key {key.name!r} already', help=f'headrace keys rotate {key.name}, or remove it'
            )
        write(path, KeyFile((*file.keys, key)))


def remove(path: str | os.PathLike[str], name: str) -> int:
    """Take the keys of a name (or the one of an id) out of a file, at once; how many there were."""
    with editing(path) as file:
        kept = tuple(each for each in file.keys if name not in (each.name, each.id))
        _check_found(len(kept) < len(file.keys), name, file)
        write(path, KeyFile(kept))
    return len(file.keys) - len(kept)


def rotate(path: str | os.PathLike[str], name: str, *, keep_s: float = 0.0) -> str:
    """A new key in the place of a name's newest, with what that may do; the old ones count for `keep_s` more.

    The new one is valid for as long as the old one was meant to be.
    """
    with editing(path) as file:
        mine = [each for each in file.keys if each.name == name]
        _check_found(bool(mine), name, file)
        old, now = mine[-1], time.time()
        expires = None if old.expires is None else now + max(0.0, old.expires - old.created)
        shown, key = new_key(name, scopes=old.scopes, executors=old.executors, expires=expires)
        until = now + keep_s
        ending = (_ending(each, until) if each.name == name else each for each in file.keys)
        write(path, KeyFile((*(each for each in ending if not each.is_expired(now)), key)))
    return shown


def _ending(key: Key, until: float) -> Key:
    return replace(key, expires=until if key.expires is None else min(key.expires, until))


def _check_found(is_there: bool, name: str, file: KeyFile) -> None:
    if not is_there:
        raise SpecError(
            f'there is no key {name!r}',
            help=did_you_mean(name, dict.fromkeys(each.name for each in file.keys), noun='keys'),
        )
