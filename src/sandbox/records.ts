// WHOOP's records, named and ordered as WHOOP sends them.

export type ScoreState = 'SCORED' | 'PENDING_SCORE' | 'UNSCORABLE'

export interface Cycle {
  id: number
  user_id: number
  created_at: string
  updated_at: string
  start: string
  end: string | null
  timezone_offset: string
  score_state: ScoreState
  score: CycleScore | null
}

export interface CycleScore {
  strain: number
  kilojoule: number
  average_heart_rate: number
  max_heart_rate: number
}

export interface Sleep {
  id: string
  cycle_id: number
  v1_id: number | null
  user_id: number
  created_at: string
  updated_at: string
  start: string
  end: string
  timezone_offset: string
  nap: boolean
  score_state: ScoreState
  score: SleepScore | null
}

export interface SleepScore {
  stage_summary: {
    total_in_bed_time_milli: number
    total_awake_time_milli: number
    total_no_data_time_milli: number
    total_light_sleep_time_milli: number
    total_slow_wave_sleep_time_milli: number
    total_rem_sleep_time_milli: number
    sleep_cycle_count: number
    disturbance_count: number
  }
  sleep_needed: {
    baseline_milli: number
    need_from_sleep_debt_milli: number
    need_from_recent_strain_milli: number
    need_from_recent_nap_milli: number
  }
  respiratory_rate: number | null
  sleep_performance_percentage: number | null
  sleep_consistency_percentage: number | null
  sleep_efficiency_percentage: number | null
}

export interface Recovery {
  cycle_id: number
  sleep_id: string
  user_id: number
  created_at: string
  updated_at: string
  score_state: ScoreState
  score: RecoveryScore | null
}

export interface RecoveryScore {
  user_calibrating: boolean
  recovery_score: number
  resting_heart_rate: number
  hrv_rmssd_milli: number
  spo2_percentage: number | null
  skin_temp_celsius: number | null
}

export interface Workout {
  id: string
  v1_id: number | null
  user_id: number
  created_at: string
  updated_at: string
  start: string
  end: string
  timezone_offset: string
  sport_name: string
  score_state: ScoreState
  score: WorkoutScore | null
  sport_id: number | null
}

export interface WorkoutScore {
  strain: number
  average_heart_rate: number
  max_heart_rate: number
  kilojoule: number
  percent_recorded: number
  distance_meter: number | null
  altitude_gain_meter: number | null
  altitude_change_meter: number | null
  zone_durations: {
    zone_zero_milli: number
    zone_one_milli: number
    zone_two_milli: number
    zone_three_milli: number
    zone_four_milli: number
    zone_five_milli: number
  }
}

export interface Profile {
  user_id: number
  email: string
  first_name: string
  last_name: string
}

export interface Body {
  height_meter: number
  weight_kilogram: number
  max_heart_rate: number
}

export interface Records {
  cycle: Cycle
  sleep: Sleep
  recovery: Recovery
  workout: Workout
}

export type Kind = keyof Records
export type Key = number | string

// A recovery has no id of its own, and a cycle may have two of them: its sleep's names it.
export function keyOf(record: Records[Kind]): Key {
  return 'id' in record ? record.id : record.sleep_id
}
