import type { Day } from './db/stats.ts'
import type { TypeName } from './resources/names.ts'
import { HOUR_MS } from './time.ts'

/** A number people look at every morning, or once they look closer. */
export interface Metric {
  name: string
  type: TypeName
  unit: string
  value: (day: Day) => number | null
  show: (average: number) => string
  /** Only where its type is asked for. */
  closer?: true
}

export type Units = 'metric' | 'imperial'

/** Of what is known; null when nothing is. */
export function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0) / known.length
}

const rounded = (value: number) => value.toFixed(0)
const tenths = (value: number) => value.toFixed(1)

/** 7:24, for hours and minutes. */
export function clock(hours: number): string {
  const minutes = Math.round(Math.abs(hours) * 60)
  return `${hours < 0 ? '-' : ''}${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`
}

/** While a day has not ended, what its cycle has gathered is no day's. */
const whole = (value: (day: Day) => number | null) => (day: Day) => (day.finished ? value(day) : null)

const hours = (value: (day: Day) => number | null) => (day: Day) => scaled(value(day), 1 / HOUR_MS)

export function metricsFor(units: Units): readonly Metric[] {
  const { temperature, energy } = measures[units]
  return [
    { name: 'recovery', type: 'recovery', unit: '%', value: (day) => day.recovery, show: rounded },
    { name: 'HRV', type: 'recovery', unit: 'ms', value: (day) => day.hrv, show: rounded },
    { name: 'resting HR', type: 'recovery', unit: 'bpm', value: (day) => day.restingHeartRate, show: rounded },
    { name: 'blood oxygen', type: 'recovery', unit: '%', value: (day) => day.spo2, show: tenths, closer: true },
    {
      name: 'skin temp',
      type: 'recovery',
      unit: temperature.unit,
      value: (day) => temperature.from(day.skinTemp),
      show: tenths,
      closer: true,
    },
    { name: 'day strain', type: 'cycle', unit: '0–21', value: whole((day) => day.strain), show: tenths },
    {
      name: 'energy',
      type: 'cycle',
      unit: energy.unit,
      value: whole((day) => energy.from(day.kilojoules)),
      show: rounded,
      closer: true,
    },
    {
      name: 'mean HR',
      type: 'cycle',
      unit: 'bpm',
      value: whole((day) => day.averageHeartRate),
      show: rounded,
      closer: true,
    },
    {
      name: 'highest HR',
      type: 'cycle',
      unit: 'bpm',
      value: whole((day) => day.maxHeartRate),
      show: rounded,
      closer: true,
    },
    { name: 'asleep', type: 'sleep', unit: 'h', value: hours((day) => day.asleepMs), show: clock },
    { name: 'sleep score', type: 'sleep', unit: '%', value: (day) => day.sleepPerformance, show: rounded },
    { name: 'in bed', type: 'sleep', unit: 'h', value: hours((day) => day.inBedMs), show: clock, closer: true },
    { name: 'needed', type: 'sleep', unit: 'h', value: hours((day) => day.sleepNeedMs), show: clock, closer: true },
    { name: 'debt', type: 'sleep', unit: 'h', value: hours((day) => day.sleepDebtMs), show: clock, closer: true },
    { name: 'efficiency', type: 'sleep', unit: '%', value: (day) => day.sleepEfficiency, show: rounded, closer: true },
    {
      name: 'consistency',
      type: 'sleep',
      unit: '%',
      value: (day) => day.sleepConsistency,
      show: rounded,
      closer: true,
    },
    { name: 'breaths', type: 'sleep', unit: '/min', value: (day) => day.respiratoryRate, show: tenths, closer: true },
    { name: 'disturbances', type: 'sleep', unit: '', value: (day) => day.disturbances, show: tenths, closer: true },
    { name: 'naps', type: 'sleep', unit: '/week', value: (day) => day.naps * 7, show: tenths, closer: true },
    { name: 'workouts', type: 'workout', unit: '/week', value: (day) => scaled(day.workouts, 7), show: tenths },
    {
      name: 'training',
      type: 'workout',
      unit: 'h/week',
      value: (day) => (day.workouts === null ? null : ((day.workoutMs ?? 0) * 7) / HOUR_MS),
      show: clock,
      closer: true,
    },
  ]
}

export interface Measure {
  unit: string
  from: (value: number | null) => number | null
}

/** As WHOOP's app and Grafana have it, in either system. */
const KILOCALORIES: Measure = { unit: 'kcal', from: (kilojoules) => scaled(kilojoules, 1 / 4.184) }

/** How the columns' own units are shown. */
export const measures: Readonly<Record<Units, Record<'temperature' | 'energy' | 'distance' | 'weight', Measure>>> = {
  metric: {
    temperature: { unit: '°C', from: (celsius) => celsius },
    energy: KILOCALORIES,
    distance: { unit: 'km', from: (meters) => scaled(meters, 1 / 1000) },
    weight: { unit: 'kg', from: (kilograms) => kilograms },
  },
  imperial: {
    temperature: { unit: '°F', from: (celsius) => (celsius === null ? null : celsius * 1.8 + 32) },
    energy: KILOCALORIES,
    distance: { unit: 'mi', from: (meters) => scaled(meters, 1 / 1609.344) },
    weight: { unit: 'lb', from: (kilograms) => scaled(kilograms, 1 / 0.45359237) },
  },
}

/** 5 ft 9 in: nobody speaks of tenths of a foot. */
export function feetAndInches(meters: number): string {
  const inches = Math.round(meters / 0.0254)
  return `${Math.floor(inches / 12)} ft ${inches % 12} in`
}

/** The views make `Weightlifting Msk` of WHOOP's `weightlifting_msk`. */
export function sportWords(name: string): string {
  return name.replace(/\b(Hiit|Bmx|Mma)\b/g, (word) => word.toUpperCase()).replace(/ Msk\b/, ' (MSK)')
}

function scaled(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor
}

/** Over calendar days: a week is seven days, however many of them have a value. */
export function average({ value }: Pick<Metric, 'value'>, days: readonly Day[]): number | null {
  return mean(days.map(value))
}
