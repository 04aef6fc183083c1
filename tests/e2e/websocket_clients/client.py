"""A client of the WebSocket door on the package `websockets` alone; see docs/websocket.md."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

JSON = ['headrace.json.v1']


async def talk(url: str, key: str) -> dict:
    found: dict = {}
    async with connect(
        f'{url}/', subprotocols=JSON, additional_headers={'X-API-Key': key}, proxy=None
    ) as socket:

        async def say(**message):
            await socket.send(json.dumps(message))

        async def hear():
            return json.loads(await socket.recv())

        await say(id='a', endpoint='/upper', data=[{'id': '1', 'text': 'red hat'}])
        found['reply'] = await hear()
        await say(id='p', endpoint='/words', data={'text': 'a b c'}, stream=True)
        found['parts'] = []
        while (message := await hear())['type'] == 'item':
            found['parts'].append(message['data'][0]['text'])
        found['end'] = message

        async def feed():
            for number in range(50):
                await say(id=number, endpoint='/upper', data=[{'text': f't{number}'}])

        feeding = asyncio.create_task(feed())
        texts = {}
        for _ in range(50):
            message = await hear()
            texts[message['id']] = message['data'][0]['text']
        await feeding
        found['duplex'] = len(texts) if all(text == f'T{id}' for id, text in texts.items()) else texts

        await say(id='i', endpoint='/upper', data=[{'text': 3}])
        message = await hear()
        found['invalid'] = [message['id'], message['error']['status'], message['error']['detail']]
        await say(id='f', endpoint='/other', data=[])
        message = await hear()
        found['forbidden'] = [message['id'], message['error']['status'], message['error']['detail']]

        await say(id='e', endpoint='/endless', data=[{'text': 'n'}], stream=True)
        found['endless'] = [(await hear())['data'][0]['text'] for _ in range(3)]
        await say(type='cancel', id='e')
        await say(type='ping', id='q')
        while (message := await hear())['type'] == 'item':
            pass
        found['pong'] = message
        await say(type='end')
        await socket.wait_closed()
        found['closed'] = socket.close_code
    try:
        async with connect(f'{url}/', subprotocols=JSON, proxy=None):
            found['stranger'] = 'let in'
    except InvalidStatus as refused:
        found['stranger'] = refused.response.status_code
    return found


print(json.dumps(asyncio.run(talk(*sys.argv[1:]))))
