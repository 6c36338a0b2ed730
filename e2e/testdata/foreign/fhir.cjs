// A server of FHIR R4, by npm's @asymmetrik/node-fhir-server-core, over forty invented patients and what was
// observed of some of them. It is its own module of services.
// node fhir.cjs FOLDER-OF-THE-PACKAGE PORT
'use strict'
const core = require(process.argv[2])
const given = ['Anaïs', 'Bruno', 'Célia', 'Denis', 'Elsa', 'Farid', 'Gaëlle', 'Hugo', 'Irène', 'Jules']
const family = ['Berthelot', 'Chastel', 'Dumontet', 'Fourcade']
const two = n => String(n).padStart(2, '0')
const id = n => `00000000-0000-4000-8000-9000000000${two(n)}`
const nir = n => { const digits = `9${two(n)}0299001${two(n)}`.padEnd(13, '7'); return digits + two(Number(97n - BigInt(digits) % 97n)) }

const all = { Patient: [], Observation: [] }
for (let n = 1; n <= 40; n++) {
  all.Patient.push({
    resourceType: 'Patient', id: id(n), active: true, gender: n % 2 ? 'male' : 'female', birthDate: `19${50 + n}-03-1${n % 9}`,
    identifier: [{ system: 'urn:oid:1.2.250.1.213.1.4.8', value: nir(n) }],
    name: [{ use: 'official', family: family[n % 4], given: [given[n % 10]] }],
    telecom: [{ system: 'phone', value: `06 39 98 10 ${two(n)}` }, { system: 'email', value: `contact${n}@boite.example` }],
    address: [{ line: [`${n} rue des Lilas`], city: 'Vire', postalCode: '14500' }]
  })
  if (n <= 10) {
    all.Observation.push({
      resourceType: 'Observation', id: id(50 + n), status: 'final', code: { text: 'Weight' }, subject: { reference: `Patient/${id(n)}` },
      effectiveDateTime: `2026-03-1${n % 9}`, valueQuantity: { value: 60 + n, unit: 'kg' }, note: [{ text: `${given[n % 10]} was weighed at the desk, in the clothes that were worn on that day, and went away.` }]
    })
  }
}
// services of one kind of resource
const of = type => ({
  search: async () => ({ resourceType: 'Bundle', type: 'searchset', total: all[type].length, entry: all[type].map(resource => ({ fullUrl: `urn:uuid:${resource.id}`, resource })) }),
  searchById: async ({ id }) => all[type].find(one => one.id === id)
})
const config = {
  logging: { level: 'error' }, auth: {},
  profiles: Object.fromEntries(Object.keys(all).map(type => [type.toLowerCase(), { service: of(type), versions: ['4_0_1'] }]))
}
const server = new core.Server(config)
server.configureMiddleware().configureSession().configureHelmet().configurePassport().setProfileRoutes().setErrorRoutes()
server.listen(Number(process.argv[3]))
