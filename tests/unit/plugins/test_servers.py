"""The servers of the tests are real: they keep what they took, and come back after what is done to them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.mongo import mongo_server
from servers.postgres import PROGRAMS, postgres_server
from servers.program import TOOLS, Server, runs
from servers.redis_stack import ENVIRONMENT, STACK, redis_server
from servers.s3 import s3_server

KINDS = ('mongo', 'postgres', 'redis', 's3')
PSQL = [str(PROGRAMS / 'psql'), '-XqtA', '-v', 'ON_ERROR_STOP=1']
REDIS_CLI = ['env', *(f'{k}={v}' for k, v in ENVIRONMENT.items()), str(STACK / 'bin/redis-cli'), '-u']
MONGO = 'from pymongo import MongoClient; c = MongoClient({url!r})'
S3 = """
import boto3
c = boto3.client('s3', 'us-east-1', endpoint_url={url!r}, aws_access_key_id='k', aws_secret_access_key='s')
"""


def printed(*command: object, timeout_s: float = 60) -> str:
    """What a program printed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    return done.stdout.strip() or done.stderr.strip()


def sql(server: Server, *statements: str) -> str:
    options = [part for each in statements for part in ('-c', each)]
    return printed(*PSQL, *options, server.url)


def redis_cli(server: Server, *command: str) -> str:
    return printed(*REDIS_CLI, server.url, *command)


def python(*lines: str) -> str:
    """Run Python with the vendors' clients that came with the servers."""
    return printed(
        sys.executable, '-c', '\n'.join(['import sys', f'sys.path.append({str(TOOLS)!r})', *lines])
    )


@pytest.mark.needs('postgres')
def test_postgres_finds_vectors_and_survives(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        table = 'create table things (id text primary key, price int, v vector(2))'
        sql(server, 'create extension vector', table, 'create index on things using hnsw (v vector_l2_ops)')
        sql(server, "insert into things values ('a', 1, '[0,1]'), ('b', 2, '[1,0]'), ('c', 9, '[1,0]')")
        nearest = "select id from things where price < 5 order by v <-> '[1,0]' limit 1"
        assert sql(server, nearest) == 'b'
        server.kill()
        assert 'refused' in sql(server, nearest)
        server.start()
        assert sql(server, nearest) == 'b'
        server.stop()
        server.start()
        assert sql(server, nearest) == 'b'


@pytest.mark.needs('redis')
def test_redis_finds_vectors_and_survives(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        schema = 'SCHEMA v VECTOR FLAT 6 TYPE FLOAT32 DIM 1 DISTANCE_METRIC L2 price NUMERIC'
        assert redis_cli(server, *f'FT.CREATE things ON HASH PREFIX 1 thing: {schema}'.split()) == 'OK'
        for key, price in (('AAAA', 1), ('AAAB', 2), ('AAAC', 9)):
            assert redis_cli(server, 'HSET', f'thing:{key}', 'v', key, 'price', str(price)) == '2'
        query = ['FT.SEARCH', 'things', '@price:[0 5]=>[KNN 1 @v $q]', 'PARAMS', '2', 'q', 'AAAC']
        query += ['NOCONTENT', 'DIALECT', '2']
        assert redis_cli(server, *query).split() == ['1', 'thing:AAAB']
        server.kill()
        server.start()
        assert redis_cli(server, *query).split() == ['1', 'thing:AAAB']


@pytest.mark.needs('mongo')
def test_mongo_finds_documents_and_survives(tmp_path: Path) -> None:
    with mongo_server(tmp_path) as server:
        put = "c.shop.things.insert_many([{'_id': 'a', 'price': 1}, {'_id': 'b', 'price': 9}])"
        find = "print([d['_id'] for d in c.shop.things.find({'price': {'$lt': 5}})])"
        assert python(MONGO.format(url=server.url), put, find) == "['a']"
        server.kill()
        server.start()
        assert python(MONGO.format(url=server.url), find) == "['a']"


@pytest.mark.needs('s3')
def test_s3_keeps_objects(tmp_path: Path) -> None:
    with s3_server(tmp_path) as server:
        put = "c.create_bucket(Bucket='blobs'); c.put_object(Bucket='blobs', Key='a', Body=b'content')"
        get = "print(c.get_object(Bucket='blobs', Key='a')['Body'].read().decode())"
        assert python(S3.format(url=server.url), put, get) == 'content'
        assert 'NoSuchKey' in python(S3.format(url=server.url), get.replace("'a'", "'b'"))


@pytest.mark.needs('postgres', 'redis')
@pytest.mark.parametrize(('kind', 'command'), [(postgres_server, PSQL), (redis_server, REDIS_CLI)])
def test_server_that_is_held_up_answers_when_it_goes_on(
    tmp_path: Path, kind: Callable[[Path], Server], command: list[str]
) -> None:
    with kind(tmp_path) as server:
        server.hang()
        with subprocess.Popen(
            [*command, server.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as client:
            with pytest.raises(subprocess.TimeoutExpired):
                client.wait(1)
            server.go_on()
            said, _ = client.communicate(b'select 1;\n', timeout=60)
        assert said


@pytest.mark.needs('redis')
def test_servers_have_ports_of_their_own(tmp_path: Path) -> None:
    with redis_server(tmp_path / 'one') as one, redis_server(tmp_path / 'two') as two:
        assert one.port != two.port
        redis_cli(one, 'SET', 'key', 'value')
        assert redis_cli(two, 'GET', 'key') == ''
    assert not (tmp_path / 'one/data').exists()


@pytest.mark.needs('redis')
def test_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        with pytest.raises(AssertionError, match='redis runs'):
            server.start()
        server.stop()
        (tmp_path / 'data/appendonlydir/appendonly.aof.manifest').write_text('nonsense')
        with pytest.raises(AssertionError, match='manifest'):
            server.start()


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.needs(name)) for name in KINDS], scope='module')
def each(request: pytest.FixtureRequest) -> Server:
    server = request.getfixturevalue(request.param)
    assert isinstance(server, Server)
    return server


def test_fixtures_give_servers_that_answer(each: Server) -> None:
    with socket.create_connection(('127.0.0.1', each.port), timeout=60):
        assert str(each.port) in each.url


def test_no_program_is_a_reason() -> None:
    assert runs(TOOLS / 'no-program') == 'no-program is not in .venv-tools/servers: .ci/run puts it there'
    assert runs(Path('/bin/false')).startswith('false does not run')
