/** The dashboards' colours, one meaning each; a test holds the two together. */
export const palette = {
  good: '#2FA36B',
  fair: '#E0A125',
  poor: '#E5484D',
  quiet: '#8B95A5',
  strain: '#3B8BE0',
  energy: '#F0803C',
  hrv: '#12A594',
  resting: '#E0567A',
  need: '#F2B84B',
  asleep: '#6E6ADE',
  deep: '#4B47C4',
  rem: '#9A5BD0',
  light: '#8FB4EE',
  awake: '#A9B1BD',
} as const

export const zoneColours = ['#A9B1BD', '#5AA3EC', '#2FB59A', '#E2B13C', '#F0803C', '#E5484D'] as const
