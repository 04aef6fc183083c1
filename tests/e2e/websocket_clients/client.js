// A client of the WebSocket door with nothing but the platform's own WebSocket; see docs/websocket.md.
// In a browser `talk` is called by the page; in Node this file is a program: node client.js URL KEY

async function talk(url, key) {
  const token = btoa(key).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

  function open(path, protocols) {
    const socket = new WebSocket(url + path, protocols);
    const messages = [];
    const waiting = [];
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      const taker = waiting.shift();
      taker ? taker(message) : messages.push(message);
    };
    let refuse;
    const closed = new Promise((resolve) => {
      socket.onclose = (event) => resolve(event.code);
      refuse = () => resolve(1006); // Node 20 tells only an error where browsers tell 1006, too
    });
    const opened = new Promise((resolve) => {
      socket.onopen = () => resolve(true);
      socket.onerror = () => { refuse(); resolve(false); };
    });
    return {
      opened,
      closed,
      say: (message) => socket.send(JSON.stringify(message)),
      hear: () => new Promise((resolve) => messages.length ? resolve(messages.shift()) : waiting.push(resolve)),
    };
  }

  const found = {};
  const socket = open('/', ['headrace.json.v1', 'headrace.auth.' + token]);
  await socket.opened;

  socket.say({ id: 'a', endpoint: '/upper', data: [{ id: '1', text: 'red hat' }] });
  found.reply = await socket.hear();

  socket.say({ id: 'p', endpoint: '/words', data: { text: 'a b c' }, stream: true });
  found.parts = [];
  let message = await socket.hear();
  for (; message.type === 'item'; message = await socket.hear()) found.parts.push(message.data[0].text);
  found.end = message;

  for (let number = 0; number < 50; number++)
    socket.say({ id: number, endpoint: '/upper', data: [{ text: `t${number}` }] });
  const texts = {};
  for (let number = 0; number < 50; number++) {
    message = await socket.hear();
    texts[message.id] = message.data[0].text;
  }
  found.duplex = Object.entries(texts).every(([id, text]) => text === `T${id}`) && Object.keys(texts).length;

  socket.say({ id: 'i', endpoint: '/upper', data: [{ text: 3 }] });
  message = await socket.hear();
  found.invalid = [message.id, message.error.status, message.error.detail];

  socket.say({ id: 'f', endpoint: '/other', data: [] });
  message = await socket.hear();
  found.forbidden = [message.id, message.error.status, message.error.detail];

  socket.say({ id: 'e', endpoint: '/endless', data: [{ text: 'n' }], stream: true });
  found.endless = [];
  while (found.endless.length < 3) found.endless.push((await socket.hear()).data[0].text);
  socket.say({ type: 'cancel', id: 'e' });
  socket.say({ type: 'ping', id: 'q' });
  do message = await socket.hear(); while (message.type === 'item');
  found.pong = message;

  socket.say({ type: 'end' });
  found.closed = await socket.closed;

  const stranger = open('/', ['headrace.json.v1']);
  await stranger.opened;
  found.stranger = await stranger.closed;
  return found;
}

if (typeof process !== 'undefined' && process.argv) {
  talk(process.argv[2], process.argv[3]).then((found) => console.log(JSON.stringify(found)));
}
