import { calendar } from './calendar.ts'
import { day } from './day.ts'
import { patterns } from './patterns.ts'
import { recovery } from './recovery.ts'
import { sleep } from './sleep.ts'
import { strain } from './strain.ts'
import { syncHealth } from './sync-health.ts'
import { today } from './today.ts'
import { workouts } from './workouts.ts'

export const dashboards = [today, day, calendar, sleep, recovery, workouts, strain, patterns, syncHealth]
