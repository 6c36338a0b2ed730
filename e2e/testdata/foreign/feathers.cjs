// A Feathers application with forty invented people, which a page of Feathers' own client finds, gets and patches by socket.io alone.
// node feathers.cjs FOLDER-OF-THE-PACKAGES PORT
'use strict'
const fs = require('fs')
const path = require('path')
const need = require('module').createRequire(path.join(process.argv[2], 'index.js'))
const { feathers } = need('@feathersjs/feathers')
const { koa, rest, errorHandler } = need('@feathersjs/koa')
const socketio = need('@feathersjs/socketio')
const { MemoryService } = need('@feathersjs/memory')

const given = ['Anaïs', 'Bruno', 'Célia', 'Denis', 'Elsa', 'Farid', 'Gaëlle', 'Hugo', 'Irène', 'Jules']
const family = ['Berthelot', 'Chastel', 'Dumontet', 'Fourcade']
const two = n => String(n).padStart(2, '0')
const store = {}
for (let n = 1; n <= 40; n++) {
  const id = `00000000-0000-4000-8000-9000000000${two(n)}`
  store[id] = { id, name: `${given[n % 10]} ${family[n % 4]} ${n}`, phone: `06 39 98 10 ${two(n)}`, note: 'none' }
}
const files = {
  '/': ['text/html; charset=utf-8', `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>People</title></head>
<body><h1>People</h1><ul id="people"></ul><p id="news"></p>
<script src="/client/socket.io.js"></script><script src="/client/feathers.js"></script><script src="/client/page.js"></script></body></html>`],
  '/client/socket.io.js': ['text/javascript; charset=utf-8', fs.readFileSync(path.join(path.dirname(need.resolve('socket.io/package.json')), 'client-dist', 'socket.io.js'))],
  '/client/feathers.js': ['text/javascript; charset=utf-8', fs.readFileSync(need.resolve('@feathersjs/client'))],
  '/client/page.js': ['text/javascript; charset=utf-8', `
const socket = io()
const app = feathers()
app.configure(feathers.socketio(socket))
const people = app.service('people')
const show = () => people.find({ query: {} }).then(found => {
  document.querySelector('#people').replaceChildren(...found.data.map(one => Object.assign(document.createElement('li'), { textContent: one.name + ', ' + one.note })))
})
socket.on('connect', show)
people.on('patched', one => { document.querySelector('#news').textContent += one.name + ': ' + one.note + '. ' })
const asks = promise => promise.then(JSON.stringify, error => 'error ' + error.code)
`]
}
const app = koa(feathers())
app.use(errorHandler())
app.use(async (context, next) => {
  const file = files[context.path]
  if (!file) return next()
  context.type = file[0]
  context.body = file[1]
})
app.configure(rest())
app.configure(socketio())
app.use('people', new MemoryService({ store, paginate: { default: 50, max: 50 } }))
app.on('connection', connection => app.channel('all').join(connection))
app.publish(() => app.channel('all'))
app.listen(Number(process.argv[3]), '127.0.0.1')
