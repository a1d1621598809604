// Writes dialplan/holidays/days.tsv from npm's date-holidays, whose version package.json names:
//
//   cd scripts/holidays && npm ci && node generate.mjs > ../../dialplan/holidays/days.tsv
//
// A line is code, name, and when: month and day if that is the same in all years, else all dates. Public holidays of whole
// days only: a part of a day is a matter of the plan's hours. Names are in the country's own language.
import Holidays from 'date-holidays'

const first = 2020, last = 2049
const years = Array.from({ length: last - first + 1 }, (_, i) => first + i)
const wrong = new Set(['LK']) // its feasts of the moon stand on the same date each year: no calendar is better
const table = new Map() // "code\tname" → Set of dates

function add (code, ...where) {
  const h = new Holidays(...where)
  for (const year of years) {
    for (const d of h.getHolidays(year) || []) {
      if (d.type !== 'public' || !/^\d{4}-\d\d-\d\d 00:00:00/.test(d.date)) continue
      const days = Math.round((d.end - d.start) / 864e5)
      for (let i = 0; i < days; i++) {
        const day = new Date(d.date.slice(0, 10) + 'T12:00:00Z')
        day.setUTCDate(day.getUTCDate() + i)
        const date = day.toISOString().slice(0, 10)
        if (date.slice(0, 4) < first || date.slice(0, 4) > last) continue
        const name = d.name.replace(/\s+/g, ' ').replace(/ \((substitute|día sustituto|Ersatztag|замінити).*\)$/, '')
        const key = code + '\t' + name
        if (!table.has(key)) table.set(key, new Set())
        table.get(key).add(date)
      }
    }
  }
}

const h = new Holidays()
for (const country of Object.keys(h.getCountries()).sort()) {
  if (wrong.has(country)) continue
  add(country.toLowerCase(), country)
  for (const state of Object.keys(h.getStates(country) || {}).sort()) {
    add(country.toLowerCase() + '-' + state.toLowerCase(), country, state)
    for (const region of Object.keys(h.getRegions(country, state) || {}).sort()) { // Munich is in a part of Bavaria
      add([country, state, region].join('-').toLowerCase(), country, state, region)
    }
  }
}

const dated = dates => {
  const sorted = [...dates].sort()
  const same = new Set(sorted.map(d => d.slice(5)))
  if (sorted.length === years.length && same.size === 1) return [...same][0]
  return sorted.join(' ')
}
const version = Holidays.prototype.constructor.name && (await import('date-holidays/package.json', { with: { type: 'json' } })).default.version
console.log(`# Public holidays ${first} to ${last}, by date-holidays ${version} (https://github.com/commenthol/date-holidays), CC BY-SA 3.0; made by scripts/holidays`)
for (const [key, dates] of [...table].sort((a, b) => a[0] < b[0] ? -1 : 1)) console.log(key + '\t' + dated(dates))
