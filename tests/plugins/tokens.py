"""Who issues tokens, for tests: key pairs, the set of public keys that a gateway reads, and signed claims."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE, ISSUER = 'shop', 'https://login.example'
SECRET = 'a secret of tests, which is long enough for every HS algorithm: 64 bytes or more'


class Issuer:
    """Signs tokens with an RSA, an EC and an Ed25519 key, or with a shared secret."""

    def __init__(self) -> None:
        self.private: dict[str, Any] = {
            'RS256': rsa.generate_private_key(public_exponent=65537, key_size=2048),
            'ES256': ec.generate_private_key(ec.SECP256R1()),
            'EdDSA': ed25519.Ed25519PrivateKey.generate(),
        }

    def public(self, algorithm: str, **more: Any) -> dict[str, Any]:
        """The public key of an algorithm as a JWK; its id is the algorithm's name."""
        key = self.private[algorithm].public_key()
        made = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True)
        return {**made, 'kid': algorithm, 'use': 'sig', **more}

    def pem(self, algorithm: str) -> bytes:
        """The public key of an algorithm as PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        encoded: bytes = self.private[algorithm].public_key().public_bytes(serialization.Encoding.PEM, form)
        return encoded

    def write(self, file: Path, *algorithms: str) -> Path:
        """The set of public keys, of all algorithms or of some, as a file."""
        keys = [self.public(algorithm) for algorithm in algorithms or self.private]
        file.write_text(json.dumps({'keys': keys}))
        return file

    def token(self, algorithm: str = 'RS256', *, key: Any = None, kid: str | None = '', **claims: Any) -> str:
        """A signed token for the shop, good for a minute; a claim that is None is left out."""
        said = {
            'sub': 'alice',
            'aud': AUDIENCE,
            'iss': ISSUER,
            'exp': time.time() + 60,
            'scope': '*',
            **claims,
        }
        said = {name: value for name, value in said.items() if value is not None}
        headers = {'kid': algorithm if kid == '' else kid} if kid is not None else {}
        return jwt.encode(said, key or self.private.get(algorithm, SECRET), algorithm, headers=headers)
