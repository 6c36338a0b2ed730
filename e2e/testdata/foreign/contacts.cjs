// jsonapi-server with forty invented contacts and notes about some of them.
// node contacts.cjs FOLDER-OF-THE-PACKAGE PORT
'use strict'
const jsonApi = require(process.argv[2])
jsonApi.setConfig({ protocol: 'http', hostname: '127.0.0.1', port: Number(process.argv[3]), base: 'rest' })

const given = ['Anaïs', 'Bruno', 'Célia', 'Denis', 'Elsa', 'Farid', 'Gaëlle', 'Hugo', 'Irène', 'Jules']
const family = ['Berthelot', 'Chastel', 'Dumontet', 'Fourcade']
const two = n => String(n).padStart(2, '0')
const id = n => `00000000-0000-4000-8000-9000000000${two(n)}`
const nir = n => { const digits = `9${two(n)}0299001${two(n)}`.padEnd(13, '7'); return digits + two(Number(97n - BigInt(digits) % 97n)) }

const people = []; const notes = []
for (let n = 1; n <= 40; n++) {
  people.push({
    type: 'people', id: id(n), firstName: given[n % 10], lastName: family[n % 4], email: `contact${n}@boite.example`, phone: `06 39 98 10 ${two(n)}`,
    nir: nir(n), birthDate: `19${50 + n}-03-1${n % 9}`, office: { type: 'offices', id: id(90 + n % 2) }
  })
  if (n <= 10) notes.push({ type: 'notes', id: id(50 + n), text: `Came to the desk for a form, which ${given[n % 10]} was given on the same day, and went away.`, author: { type: 'people', id: id(n) } })
}
const text = jsonApi.Joi.string()
const define = (resource, attributes, examples) => jsonApi.define({ resource, attributes, examples, handlers: new jsonApi.MemoryHandler() })
define('people', { firstName: text, lastName: text, email: text, phone: text, nir: text, birthDate: text, office: jsonApi.Joi.one('offices') }, people)
define('offices', { title: text }, [{ type: 'offices', id: id(90), title: 'Valbourg' }, { type: 'offices', id: id(91), title: 'Vire' }])
define('notes', { text, author: jsonApi.Joi.one('people') }, notes)
jsonApi.start()
