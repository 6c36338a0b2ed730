// A WebSocket server of ws, which says what is asked of it at /say and tells at /heard what it heard. It does whatever
// that library can: messages in many frames, compressed, binary.
// node ws.cjs FOLDER-OF-THE-PACKAGE PORT
'use strict'
const { WebSocketServer } = require(process.argv[2])
const heard = []
const server = require('http').createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost')
  if (url.pathname === '/heard') return response.end(JSON.stringify(heard))
  if (url.pathname !== '/say') return response.end(String(sockets.clients.size))
  const text = url.searchParams.get('text')
  for (const socket of sockets.clients) {
    switch (url.searchParams.get('how')) {
      case 'binary': socket.send(Buffer.from(text)); break
      case 'frames': for (let i = 0; i < text.length; i++) { socket.send(text[i], { fin: i === text.length - 1 }); socket.ping(text) } break
      case 'close': socket.close(4999, text); break
      default: socket.send(text, { compress: true })
    }
  }
  response.end()
})
const sockets = new WebSocketServer({
  server,
  perMessageDeflate: { threshold: 0, serverNoContextTakeover: false },
  handleProtocols: offered => offered.values().next().value
})
sockets.on('connection', (socket, request) => {
  heard.push('origin ' + request.headers.origin + ', extensions ' + socket.extensions)
  socket.on('message', (data, binary) => heard.push((binary ? 'binary ' : '') + data))
  socket.on('ping', data => heard.push('ping ' + data))
  socket.on('close', (code, reason) => heard.push(`closed ${code} ${reason}`))
})
server.listen(Number(process.argv[3]), '127.0.0.1')
