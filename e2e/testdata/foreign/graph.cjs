// What json-graphql-server serves: forty invented people and letters to them.
'use strict'
const given = ['Anaïs', 'Bruno', 'Célia', 'Denis', 'Elsa', 'Farid', 'Gaëlle', 'Hugo', 'Irène', 'Jules']
const family = ['Berthelot', 'Chastel', 'Dumontet', 'Fourcade']
const two = n => String(n).padStart(2, '0')
const id = n => `00000000-0000-4000-8000-9000000000${two(n)}`

const people = []; const letters = []
for (let n = 1; n <= 40; n++) {
  people.push({ id: id(n), firstName: given[n % 10], lastName: family[n % 4], birthDate: `19${50 + n}-03-1${n % 9}`, email: `contact${n}@boite.example`, phone: `06 39 98 10 ${two(n)}`, city: 'Vire', children: n % 4 })
  letters.push({ id: id(50 + n), title: 'Reply', people_id: id(n), text: `${given[n % 10]} came to the desk for a form, which was given on the same day, and went away.` })
}
module.exports = { people, letters }
