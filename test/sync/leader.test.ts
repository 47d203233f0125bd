import { expect, it } from 'vitest'
import { createLeader } from '../../src/sync/leader.ts'

it('waits for as many steps as it takes, and asks after each', async () => {
  const leader = createLeader()
  let reached = 0
  let asked = 0
  const waiting = leader.until(async () => {
    asked++
    return reached >= 3
  })
  for (let step = 0; step < 5; step++) {
    reached++
    leader.step()
    await new Promise(setImmediate)
  }
  await waiting
  expect({ reached, asked }).toEqual({ reached: 5, asked: 4 })
})

it('does not miss a step that happens while it asks', async () => {
  const leader = createLeader()
  let asked = 0
  await leader.until(async () => {
    asked++
    leader.step()
    return asked === 2
  })
  expect(asked).toBe(2)
})

it('waits no longer when the other one has ended, however it was', async () => {
  const leader = createLeader()
  const waiting = leader.until(async () => false)
  await new Promise(setImmediate)
  leader.end()
  await waiting
  let asked = 0
  await leader.until(async () => ++asked > 1)
  expect(asked).toBe(1)
})
