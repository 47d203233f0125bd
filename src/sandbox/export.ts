import type { Behaviour, JournalDay } from './journal.ts'
import type { Language } from './languages.ts'
import type { Cycle, Recovery, Sleep, Workout } from './records.ts'
import { zip } from './zip.ts'

// The ZIP that WHOOP sends by mail: four CSV files in the language of the account, file names and headings alike.

export interface Exported {
  cycles: readonly Cycle[] // newest first, as everything here
  sleeps: readonly Sleep[]
  recoveries: readonly Recovery[]
  workouts: readonly Workout[]
  journal: ReadonlyMap<number, JournalDay> // by cycle id
  at: Date
}

interface Words {
  files: readonly [cycles: string, sleeps: string, workouts: string, journal: string]
  cycle: readonly string[] // its start, end and zone
  body: readonly string[] // what cycles have beyond
  sleep: readonly string[]
  nap: string
  workout: readonly string[]
  entry: readonly string[]
  questions: Readonly<Record<Behaviour, string>>
}

const lines = (text: string) => text.split('|')

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    files: ['physiological_cycles.csv', 'sleeps.csv', 'workouts.csv', 'journal_entries.csv'],
    cycle: lines('Cycle start time|Cycle end time|Cycle timezone'),
    body: lines(
      'Recovery score %|Resting heart rate (bpm)|Heart rate variability (ms)|Skin temp (celsius)|Blood oxygen %|Day Strain|Energy burned (cal)|Max HR (bpm)|Average HR (bpm)',
    ),
    sleep: lines(
      'Sleep onset|Wake onset|Sleep performance %|Respiratory rate (rpm)|Asleep duration (min)|In bed duration (min)|Light sleep duration (min)|Deep (SWS) duration (min)|REM duration (min)|Awake duration (min)|Sleep need (min)|Sleep debt (min)|Sleep efficiency %|Sleep consistency %',
    ),
    nap: 'Nap',
    workout: lines(
      'Workout start time|Workout end time|Duration (min)|Activity name|Activity Strain|Energy burned (cal)|Max HR (bpm)|Average HR (bpm)|HR Zone 1 %|HR Zone 2 %|HR Zone 3 %|HR Zone 4 %|HR Zone 5 %|GPS enabled|Distance (meters)|Altitude gain (meters)|Altitude change (meters)',
    ),
    entry: lines('Question text|Answered yes|Notes'),
    questions: {
      alcohol: 'Have any alcoholic drinks?',
      sick: 'Feeling sick or ill?',
      jetLag: 'Experiencing jet lag?',
      training: 'Trained hard the day before?',
      caffeine: 'Consumed caffeine?',
      magnesium: 'Took magnesium?',
      reading: 'Read (non-screened device) while in bed?',
      lateMeal: 'Ate food close to bedtime?',
      device: 'Viewed a screen device in bed?',
      sharedBed: 'Shared your bed?',
      meditation: 'Spent time meditating?',
      vegetables: 'Ate vegetables, "plenty" of them?',
    },
  },
  es: {
    files: ['physiological_cycles.csv', 'sueño.csv', 'entrenamientos.csv', 'journal_entries.csv'],
    cycle: lines('Hora de inicio del ciclo|Hora de finalización del ciclo|Zona horaria del ciclo'),
    body: lines(
      'Puntuación de recuperación %|Frecuencia cardíaca en reposo (lpm)|Variabilidad de la frecuencia cardíaca (ms)|Temperatura de la piel (Celsius)|Oxígeno en sangre %|Esfuerzo del día|Energía quemada (cal)|FC máx. (lpm)|FC media (lpm)',
    ),
    sleep: lines(
      'Inicio del sueño|Inicio del despertar|Rendimiento del sueño %|Frecuencia respiratoria (rpm)|Duración del sueño (min)|Duración en la cama (min)|Duración del sueño ligero (min)|Duración del sueño profundo (min)|Duración del sueño REM (min)|Duración despierto (min)|Necesidad de sueño (min)|Deuda de sueño (min)|Eficiencia del sueño %|Constancia del sueño %',
    ),
    nap: 'Siesta',
    workout: lines(
      'Hora de inicio del entrenamiento|Hora de finalización del entrenamiento|Duración (min)|Nombre de la actividad|Esfuerzo de la actividad|Energía quemada (cal)|FC máx. (lpm)|FC media (lpm)|Zona FC 1 %|Zona FC 2 %|Zona FC 3 %|Zona FC 4 %|Zona FC 5 %|GPS activado|Distancia (metros)|Altitud ganada (metros)|Cambio de altitud (metros)',
    ),
    entry: lines('Texto de la pregunta|Respondió "Sí"|Notas'),
    questions: {
      alcohol: '¿Tomaste bebidas alcohólicas?',
      sick: '¿Te sientes enfermo?',
      jetLag: '¿Tienes desfase horario?',
      training: '¿Entrenaste duro el día anterior?',
      caffeine: '¿Consumiste cafeína?',
      magnesium: '¿Tomaste magnesio?',
      reading: '¿Leíste en la cama?',
      lateMeal: '¿Comiste cerca de la hora de dormir?',
      device: '¿Miraste una pantalla en la cama?',
      sharedBed: '¿Compartiste la cama?',
      meditation: '¿Meditaste?',
      vegetables: '¿Comiste verduras, "muchas"?',
    },
  },
  de: {
    files: ['physiologische_zyklen.csv', 'Schlaf.csv', 'Trainings.csv', 'logbuch_eintraege.csv'],
    cycle: lines('Startzeit des Zyklus|Endzeit des Zyklus|Zeitzone des Zyklus'),
    body: lines(
      'Erholungswert %|Ruheherzfrequenz (Schläge pro Minute)|Herzfrequenzvariabilität (ms)|Hauttemperatur (Celsius)|Blutsauerstoff %|Tagesbelastung|Verbrannte Energie (cal)|Max HF (Schläge pro Minute)|Durchschnittliche HF (Schläge pro Minute)',
    ),
    sleep: lines(
      'Beginn des Schlafs|Beginn des Aufwachens|Schlafleistung %|Atemfrequenz (Atemzüge/Min.)|Schlafdauer (Min.)|Dauer im Bett (Min.)|Dauer des Leichtschlafs (Min.)|Dauer des Tiefschlafs (Min.)|Dauer des REM-Schlafs (Min.)|Dauer des Aufwachens (Min.)|Schlafbedarf (Min.)|Schlafdefizit (Min.)|Schlafeffizienz %|Schlafbeständigkeit %',
    ),
    nap: 'Nickerchen',
    workout: lines(
      'Startzeit des Trainings|Endzeit des Trainings|Dauer (Min.)|Name der Aktivität|Belastung der Aktivität|Verbrannte Energie (cal)|Max HF (Schläge pro Minute)|Durchschnittliche HF (Schläge pro Minute)|HF-Zone 1 %|HF-Zone 2 %|HF-Zone 3 %|HF-Zone 4 %|HF-Zone 5 %|GPS aktiviert|Distanz (Meter)|Höhengewinn (Meter)|Höhenänderung (Meter)',
    ),
    entry: lines('Fragetext|Beantwortet mit Ja|Anmerkungen'),
    questions: {
      alcohol: 'Alkohol konsumiert?',
      sick: 'Krank gefühlt?',
      jetLag: 'Unter Jetlag gelitten?',
      training: 'Am Vortag hart trainiert?',
      caffeine: 'Koffein konsumiert?',
      magnesium: 'Magnesium genommen?',
      reading: 'Im Bett gelesen?',
      lateMeal: 'Kurz vor dem Schlafengehen noch etwas gegessen?',
      device: 'Im Bett auf einen Bildschirm gesehen?',
      sharedBed: 'Das Bett geteilt?',
      meditation: 'Meditiert?',
      vegetables: 'Gemüse gegessen, „reichlich“?',
    },
  },
}

export function exportZip(exported: Exported, language: Language = 'en'): Buffer {
  const entries = exportFiles(exported, language).map(({ name, text }) => ({ name, content: Buffer.from(text) }))
  return zip(entries, exported.at)
}

export function exportFiles(exported: Exported, language: Language = 'en'): { name: string; text: string }[] {
  const { files, cycle, body, sleep, nap, workout, entry, questions } = WORDS[language]
  const tables = [
    [[...cycle, ...body, ...sleep], ...cycleRows(exported)],
    [[...cycle, ...sleep, nap], ...sleepRows(exported)],
    [[...cycle, ...workout], ...workoutRows(exported)],
    [[...cycle, ...entry], ...journalRows(exported, questions)],
  ]
  return tables.map((rows, index) => ({ name: files[index] ?? '', text: rows.map(csvLine).join('') }))
}

type Cell = string | number | boolean | null | undefined

function csvLine(cells: readonly Cell[]): string {
  const written = cells.map((cell) => {
    const text = String(cell ?? '')
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  })
  return `${written.join(',')}\n`
}

function cycleRows({ cycles, sleeps, recoveries }: Exported): Cell[][] {
  const nights = new Map(sleeps.filter(({ nap }) => !nap).map((sleep) => [sleep.cycle_id, sleep]))
  const recovered = new Map(recoveries.map((recovery) => [recovery.sleep_id, recovery]))
  return cycles.map((cycle) => {
    const night = nights.get(cycle.id)
    const recovery = night && recovered.get(night.id)?.score
    return [
      ...cycleCells(cycle),
      whole(recovery?.recovery_score),
      whole(recovery?.resting_heart_rate),
      whole(recovery?.hrv_rmssd_milli),
      rounded(recovery?.skin_temp_celsius, 2),
      rounded(recovery?.spo2_percentage, 2),
      cycle.end === null ? null : rounded(cycle.score?.strain, 1),
      cycle.end === null ? null : whole(kilocalories(cycle.score?.kilojoule)),
      cycle.end === null ? null : whole(cycle.score?.max_heart_rate),
      cycle.end === null ? null : whole(cycle.score?.average_heart_rate),
      ...sleepCells(night),
    ]
  })
}

function sleepRows({ cycles, sleeps }: Exported): Cell[][] {
  const of = new Map(cycles.map((cycle) => [cycle.id, cycle]))
  return sleeps.map((sleep) => [...cycleCells(of.get(sleep.cycle_id)), ...sleepCells(sleep), sleep.nap])
}

function workoutRows({ cycles, workouts }: Exported): Cell[][] {
  return workouts.map((workout) => {
    const { start, end, timezone_offset: offset, score } = workout
    const cycle = cycles.find((one) => Date.parse(one.start) <= Date.parse(start)) ?? cycles.at(-1)
    const zones = score ? Object.values(score.zone_durations) : []
    const total = zones.reduce((sum, ms) => sum + ms, 0)
    return [
      ...cycleCells(cycle),
      local(start, cycle?.timezone_offset ?? offset),
      local(end, cycle?.timezone_offset ?? offset),
      whole((Date.parse(end) - Date.parse(start)) / 60_000),
      workout.sport_name.replaceAll(/[-_]/g, ' '),
      rounded(score?.strain, 1),
      rounded(kilocalories(score?.kilojoule), 1),
      whole(score?.max_heart_rate),
      whole(score?.average_heart_rate),
      ...[1, 2, 3, 4, 5].map((zone) => (total > 0 ? whole((100 * (zones[zone] ?? 0)) / total) : null)),
      score?.distance_meter != null,
      rounded(score?.distance_meter, 2),
      whole(score?.altitude_gain_meter),
      whole(score?.altitude_change_meter),
    ]
  })
}

function journalRows({ cycles, journal }: Exported, questions: Words['questions']): Cell[][] {
  return cycles.flatMap((cycle) => {
    const { answers = [], note } = journal.get(cycle.id) ?? {}
    return answers.map(({ behaviour, yes }) => [...cycleCells(cycle), questions[behaviour], yes, note])
  })
}

function cycleCells(cycle: Cycle | undefined): Cell[] {
  if (!cycle) return [null, null, null]
  const { start, end, timezone_offset: offset } = cycle
  return [local(start, offset), end === null ? null : local(end, offset), offset === 'Z' ? 'UTCZ' : `UTC${offset}`]
}

function sleepCells(sleep: Sleep | undefined): Cell[] {
  if (!sleep) return Array.from({ length: 14 }, () => null)
  const { score, start, end, timezone_offset: offset } = sleep
  const { stage_summary: stages, sleep_needed: need } = score ?? {}
  const minutes = (...ms: (number | undefined)[]) =>
    stages ? whole(ms.reduce<number>((sum, part) => sum + (part ?? 0), 0) / 60_000) : null
  return [
    local(start, offset),
    local(end, offset),
    whole(score?.sleep_performance_percentage),
    rounded(score?.respiratory_rate, 1),
    minutes(
      stages?.total_light_sleep_time_milli,
      stages?.total_slow_wave_sleep_time_milli,
      stages?.total_rem_sleep_time_milli,
    ),
    minutes(stages?.total_in_bed_time_milli),
    minutes(stages?.total_light_sleep_time_milli),
    minutes(stages?.total_slow_wave_sleep_time_milli),
    minutes(stages?.total_rem_sleep_time_milli),
    minutes(stages?.total_awake_time_milli),
    minutes(
      need?.baseline_milli,
      need?.need_from_sleep_debt_milli,
      need?.need_from_recent_strain_milli,
      need?.need_from_recent_nap_milli,
    ),
    minutes(need?.need_from_sleep_debt_milli),
    whole(score?.sleep_efficiency_percentage),
    whole(score?.sleep_consistency_percentage),
  ]
}

// By the clock of the place, cut to the second.
function local(instant: string, offset: string): string {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? [undefined, '+', '0', '0']
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1)
  return new Date(Date.parse(instant) + ms).toISOString().slice(0, 19).replace('T', ' ')
}

function kilocalories(kilojoules: number | undefined): number | undefined {
  return kilojoules === undefined ? undefined : kilojoules / 4.184
}

function whole(value: number | null | undefined): number | null {
  return value == null ? null : Math.round(value)
}

function rounded(value: number | null | undefined, digits: number): string | null {
  return value == null ? null : value.toFixed(digits)
}
