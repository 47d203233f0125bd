import { describe, expect, it } from 'vitest'
import { expand, type Scope } from './expand.ts'

const scope: Scope = {
  from: new Date('2026-01-01T00:00:00Z'),
  to: new Date('2026-01-02T00:00:00.5Z'),
  intervalMs: 3_600_000,
  variables: {
    member: { value: '10129' },
    name: { value: "O'Hara", text: 'Miss O’Hara' },
    members: { value: ['1', '2'], multi: true },
    one: { value: '1', multi: true },
    units: { value: 'metric' },
  },
}

describe('variables', () => {
  it.each([
    ['$member', '10129'],
    ['${member}', '10129'],
    ['[[member]]', '10129'],
    ['$members', "'1','2'"],
    ['$one', "'1'"],
    ['$name', "O''Hara"],
    ['${member:sqlstring}', "'10129'"],
    ['${name:sqlstring}', "'O''Hara'"],
    ['${members:sqlstring}', "'1','2'"],
    ['${members:csv}', '1,2'],
    ['[[members:csv]]', '1,2'],
    ['${members:pipe}', '1|2'],
    ['${members:raw}', '1,2'],
    ['${members:glob}', '{1,2}'],
    ['${members:json}', '["1","2"]'],
    ['${members:singlequote}', "'1','2'"],
    ['${members:doublequote}', '"1","2"'],
    ['${members:percentencode}', '%7B1%2C2%7D'],
    ['${name:text}', 'Miss O’Hara'],
    ['as "Distance $units"', 'as "Distance metric"'],
    ['$unknown and $membership', '$unknown and $membership'],
    ['$__from to $__to', '1767225600000 to 1767312000500'],
  ])('%s becomes %s', (sql, expected) => expect(expand(sql, scope)).toBe(expected))

  it('refuses a format that Grafana does not know', () => {
    expect(() => expand('${member:nonsense}', scope)).toThrow('unknown variable format nonsense')
  })
})

describe('macros', () => {
  const between = "BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-02T00:00:00.500Z'"
  it.each([
    ['$__time(day)', 'day AS "time"'],
    ['$__timeEpoch(day)', 'extract(epoch from day) as "time"'],
    ['where $__timeFilter(day) and x', `where day ${between} and x`],
    ['$__timeFrom()', "'2026-01-01T00:00:00Z'"],
    ['$__timeTo()::date', "'2026-01-02T00:00:00.500Z'::date"],
    ["$__timeGroup(at, '5m')", 'floor(extract(epoch from at)/300)*300'],
    ['$__timeGroup(at, $__interval)', 'floor(extract(epoch from at)/3600)*3600'],
    ["$__timeGroup(at, '1d'), x", 'floor(extract(epoch from at)/86400)*86400 AS "time", x'],
    ["$__timeGroupAlias(at, '1d', NULL)", 'floor(extract(epoch from at)/86400)*86400 AS "time"'],
    ['$__unixEpochFilter(at)', 'at >= 1767225600 AND at <= 1767312000'],
    ['$__unixEpochFrom()', '1767225600'],
    ['$__unixEpochTo()', '1767312000'],
    ['$__unixEpochNanoFilter(at)', 'at >= 1767225600000000000 AND at <= 1767312000500000000'],
    ['$__unixEpochNanoFrom()', '1767225600000000000'],
    ['$__unixEpochNanoTo()', '1767312000500000000'],
    ["$__unixEpochGroup(at, '1h')", 'floor((at)/3600)*3600'],
    ["$__unixEpochGroupAlias(at, '1h')", 'floor((at)/3600)*3600 AS "time"'],
    ['$__interval $__interval_ms', '1h 3600000'],
    // Grafana ends the arguments at the first parenthesis, and so do we
    ["$__timeFilter(date_trunc('week', at))", `date_trunc('week' ${between})`],
  ])('%s becomes %s', (sql, expected) => expect(expand(sql, scope)).toBe(expected))

  it('refuses what Grafana would refuse', () => {
    expect(() => expand('$__timeFitler(day)', scope)).toThrow('unknown macro __timeFitler')
    expect(() => expand("$__timeGroup(day, 'often')", scope)).toThrow('error parsing interval')
  })
})
