// express-admin over a table of forty invented people in PostgreSQL, which it makes.
// node admin.cjs FOLDER-OF-THE-PACKAGES PORT CONNECTION SETTINGS
'use strict'
const path = require('path')
const [, , folder, port, connection, settings] = process.argv
const server = JSON.parse(connection)
const { Client } = require(path.join(folder, 'pg'))
const express = require(path.join(folder, 'express'))
const admin = require(path.join(folder, 'express-admin'))

const given = ['Anaïs', 'Bruno', 'Célia', 'Denis', 'Elsa', 'Farid', 'Gaëlle', 'Hugo', 'Irène', 'Jules']
const family = ['Berthelot', 'Chastel', 'Dumontet', 'Fourcade']
const two = n => String(n).padStart(2, '0')

async function main () {
  const database = new Client(server)
  await database.connect()
  await database.query('CREATE TABLE people (id text PRIMARY KEY, first_name text, last_name text, birth text, email text, phone text, note text)')
  for (let n = 1; n <= 40; n++) {
    await database.query('INSERT INTO people VALUES ($1, $2, $3, $4, $5, $6, $7)', [`00000000-0000-4000-8000-9000000000${two(n)}`, given[n % 10], family[n % 4],
      `19${50 + n}-03-1${n % 9}`, `contact${n}@boite.example`, `06 39 98 10 ${two(n)}`, `Came to the desk for a form, which ${given[n % 10]} was given on the same day, and went away.`])
  }
  await database.end()
  const app = express()
  app.use(admin({
    config: { pg: server, admin: { settings, upload: path.dirname(settings) } },
    settings: {}, users: { clerk: { name: 'clerk', pass: 'clerk of Valbourg' } }
  }))
  app.listen(Number(port), '127.0.0.1')
}
main()
