/** In the page: figures to read off, with a pointer, a finger or the arrow keys. Without it, the charts are still there. */
export const script = `
'use strict'
const { days, charts } = JSON.parse(document.getElementById('figures').textContent)
for (const chart of document.querySelectorAll('[data-id]')) {
  const texts = charts[chart.dataset.id]
  const readout = document.getElementById('read-' + chart.dataset.id)
  const at = { last: texts.length - 1, now: texts.length - 1 }
  chart.tabIndex = 0
  chart.setAttribute('role', 'slider')
  chart.setAttribute('aria-valuemin', '0')
  chart.setAttribute('aria-valuemax', String(at.last))
  const isCalendar = chart.classList.contains('calendar')
  const show = (index, mark = true) => {
    at.now = Math.max(0, Math.min(at.last, index))
    const day = document.createElement('b')
    day.textContent = days[at.now]
    readout.replaceChildren(day, ' \\u00b7 ' + texts[at.now])
    chart.setAttribute('aria-valuenow', String(at.now))
    chart.setAttribute('aria-valuetext', days[at.now] + ': ' + texts[at.now])
    if (mark) (isCalendar ? markDay : markLine)(at.now)
  }
  const markLine = (index) => {
    const { slots, count } = chart.dataset
    const x = (100 * (index + Number(slots) - Number(count) + 0.5)) / Number(slots) + '%'
    const cursor = chart.querySelector('.cursor')
    cursor.classList.add('on')
    cursor.setAttribute('x1', x)
    cursor.setAttribute('x2', x)
  }
  const markDay = (index) => {
    for (const squares of chart.querySelectorAll('.squares')) {
      const cell = index - Number(squares.dataset.first)
      const mark = squares.querySelector('.mark')
      const isHere = cell >= 0 && cell < 7 * Number(squares.dataset.columns)
      mark.classList.toggle('on', isHere)
      mark.setAttribute('x', String(Math.floor(cell / 7) * 10))
      mark.setAttribute('y', String((((cell % 7) + 7) % 7) * 10))
    }
  }
  const indexAt = (event) => {
    if (!isCalendar) {
      const { left, width } = chart.querySelector('.plot').getBoundingClientRect()
      const { slots, count } = chart.dataset
      return Math.floor(((event.clientX - left) / width) * Number(slots)) - (Number(slots) - Number(count))
    }
    const squares = event.target.closest('.squares')
    if (!squares) return at.now
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(squares.getScreenCTM().inverse())
    return Number(squares.dataset.first) + Math.floor(point.x / 10) * 7 + Math.min(6, Math.floor(point.y / 10))
  }
  chart.addEventListener('pointermove', (event) => show(indexAt(event)))
  chart.addEventListener('pointerdown', (event) => show(indexAt(event)))
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7 }
  chart.addEventListener('keydown', (event) => {
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? at.last : at.now + (steps[event.key] ?? NaN)
    if (Number.isNaN(to)) return
    event.preventDefault()
    show(to)
  })
  show(at.last, false)
}
`
