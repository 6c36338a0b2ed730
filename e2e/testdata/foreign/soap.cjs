// A service of SOAP, by npm's soap, over forty invented people.
// node soap.cjs FOLDER-OF-THE-PACKAGE PORT
'use strict'
const http = require('http')
const soap = require(process.argv[2])

const given = ['Anaïs', 'Bruno', 'Célia', 'Denis', 'Elsa', 'Farid', 'Gaëlle', 'Hugo', 'Irène', 'Jules']
const family = ['Berthelot', 'Chastel', 'Dumontet', 'Fourcade']
const two = n => String(n).padStart(2, '0')
const id = n => `00000000-0000-4000-8000-9000000000${two(n)}`
const people = []
for (let n = 1; n <= 40; n++) {
  people.push({ id: id(n), firstName: given[n % 10], lastName: family[n % 4], birthDate: `19${50 + n}-03-1${n % 9}`, phone: `06 39 98 10 ${two(n)}`, email: `contact${n}@boite.example` })
}

const member = name => `<xsd:element name="${name}" type="xsd:string"/>`
const element = (name, inside) => `<xsd:element name="${name}"><xsd:complexType><xsd:sequence>${inside}</xsd:sequence></xsd:complexType></xsd:element>`
const operation = (name, takes, gives) => ({
  types: element(`${name}Request`, takes) + element(`${name}Response`, gives),
  messages: ['Request', 'Response'].map(way => `<message name="${name}${way}"><part name="parameters" element="p:${name}${way}"/></message>`).join(''),
  port: `<operation name="${name}"><input message="p:${name}Request"/><output message="p:${name}Response"/></operation>`,
  binding: `<operation name="${name}"><soap:operation soapAction="urn:example:people#${name}Request"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>`
})
const person = `<xsd:element name="person" maxOccurs="unbounded"><xsd:complexType><xsd:sequence>${Object.keys(people[0]).map(member).join('')}</xsd:sequence></xsd:complexType></xsd:element>`
const all = [
  operation('find', member('city') + member('page'), person),
  operation('get', member('id'), person),
  operation('update', member('id') + member('phone'), member('status'))
]
const each = part => all.map(one => one[part]).join('')
const wsdl = `<?xml version="1.0"?><definitions name="People" targetNamespace="urn:example:people" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:p="urn:example:people" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<types><xsd:schema targetNamespace="urn:example:people" elementFormDefault="qualified">${each('types')}</xsd:schema></types>${each('messages')}
<portType name="People">${each('port')}</portType>
<binding name="People" type="p:People"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>${each('binding')}</binding>
<service name="People"><port name="People" binding="p:People"><soap:address location="http://127.0.0.1:${process.argv[3]}/service"/></port></service></definitions>`

const known = asked => people.filter(one => one.id === asked.id)
const service = { People: { People: {
  find: () => ({ person: people }),
  get: asked => ({ person: known(asked) }),
  update: asked => { for (const one of known(asked)) one.phone = asked.phone; return { status: 'saved' } }
} } }
const server = http.createServer((request, response) => { response.end() })
server.listen(Number(process.argv[3]), '127.0.0.1', () => soap.listen(server, '/service', service, wsdl))
