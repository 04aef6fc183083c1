from __future__ import annotations

from typing import Any

import pytest

from headrace.client import Tls
from headrace.client.address import parse
from headrace.errors import SpecError


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({'host': 'grpc://127.0.0.1:1234'}, 'grpc://127.0.0.1:1234'),
        ({'host': 'http://shop.example:80'}, 'http://shop.example:80'),
        ({'host': 'http://shop.example'}, 'http://shop.example:80'),
        ({'host': 'https://shop.example'}, 'https://shop.example:443'),
        ({'host': 'https://shop.example/'}, 'https://shop.example:443'),
        ({'host': 'grpcs://shop.example:5'}, 'grpcs://shop.example:5'),
        ({'host': 'localhost', 'port': 7}, 'grpc://localhost:7'),
        ({'host': 'localhost:7'}, 'grpc://localhost:7'),
        ({'host': 'localhost:7', 'port': 7}, 'grpc://localhost:7'),
        ({'host': 'localhost', 'port': 7, 'protocol': 'HTTP'}, 'http://localhost:7'),
        ({'host': 'localhost', 'port': 7, 'protocol': 'grpc', 'tls': True}, 'grpcs://localhost:7'),
        ({'host': '0.0.0.0', 'port': 7}, 'grpc://127.0.0.1:7'),
        ({'host': 'grpc://[::1]:7'}, 'grpc://[::1]:7'),
    ],
)
def test_an_address_in_any_spelling(given: dict[str, Any], expected: str) -> None:
    assert str(parse(**given)) == expected


@pytest.mark.parametrize(
    ('given', 'problem', 'remedy'),
    [
        ({'host': 'localhost'}, 'no port', 'grpc://host:port'),
        ({'host': 'ftp://localhost:1'}, "'ftp' is not a protocol", 'grpc, grpcs, http, https'),
        ({'host': 'localhost:1', 'protocol': 'grcp'}, "'grcp' is not a protocol", "did you mean 'grpc'"),
        ({'host': 'localhost:1', 'port': 2}, 'contradict', 'give one'),
        ({'host': 'http://localhost:1', 'protocol': 'grpc'}, 'contradict', 'give one'),
        ({'host': 'localhost:99999'}, 'is not an address', 'grpc://host:port'),
        ({'host': 'localhost', 'port': 99999}, '99999 is not a port', '65535'),
        ({'host': 'http://localhost:1/post'}, 'is not an address', 'http://host:port'),
        ({'host': ''}, 'is not an address', 'grpc://host:port'),
    ],
)
def test_what_is_no_address_says_so(given: dict[str, Any], problem: str, remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(**given)
    assert problem in caught.value.message
    assert remedy in caught.value.help


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(SpecError, match='belong together'):
        Tls(certificate='client.pem')
