import type { TypeName } from '../resources/names.ts'
import type { PageCompared, Verified } from '../verify.ts'
import { number } from '../numbers.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'
import { readInstant, readRecordTypes, readUserId, requireRange } from './read.ts'

export const addVerify: AddCommand = (program, cli) => {
  const readDate = (text: string) => readInstant(text, cli.world.clock.now())
  program
    .command('verify')
    .summary('compare what is stored with WHOOP, record by record')
    .description(
      'Compare what is stored with what WHOOP answers now, record by record; writes nothing. Exit code 0: equal, 1: not. ' +
        'What is still open, or changed after the last sync, is listed and does not count.',
    )
    .option('--type <type...>', 'only these: sleep, recovery, workout, cycle', readRecordTypes)
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option('--since <date>', 'only from here on: a UTC day, yesterday, 7d (ago) or an RFC 3339 instant', readDate)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ whoopster verify --since 2026-03-01')
    .action(async (options) => {
      requireRange('verify', options, cli.world.clock.now())
      const { isFaithful } = await import('../verify.ts')
      const members = await compareAll(cli, options)
      const faithful = members.every(({ types }) => Object.values(types).every(isFaithful))
      const users = members.map(({ whoopUserId, types }) => ({ whoopUserId, types }))
      if (options.json) printJson(cli, { faithful, users })
      else for (const member of members) print(cli, await draw(cli, member))
      cli.exit(faithful ? 0 : 1)
    })
}

interface MemberVerified {
  whoopUserId: number
  firstName: string | null
  types: Partial<Record<TypeName, Verified>>
}

interface VerifyOptions {
  type?: TypeName[] | undefined
  user?: number | undefined
  since?: string | undefined
}

async function compareAll(cli: Cli, { type, user, since }: VerifyOptions): Promise<MemberVerified[]> {
  const [
    { openRateLimiter, requireMembers, withEverything },
    { openProgress },
    { verify },
    { createSession },
    { createWhoop },
    { createOAuth },
    { loadPlan },
  ] = await Promise.all([
    import('./open.ts'),
    import('./progress.ts'),
    import('../verify.ts'),
    import('../login/session.ts'),
    import('../whoop/client.ts'),
    import('../whoop/oauth.ts'),
    import('../db/queue.ts'),
  ])
  const { resources } = await import('../resources/index.ts')
  return withEverything(cli, { autoMigrate: false }, async (opened) => {
    const { database, keys, config, world } = opened
    const oauth = createOAuth(config, world)
    const plan = await loadPlan(database.db, config.WHOOP_CLIENT_ID)
    const members = await requireMembers(database, user, config.WHOOP_CLIENT_ID)
    const types = type ?? resources.map(({ name }) => name)
    const progress = await openProgress(cli, opened, { since, types, doing: 'comparing' })
    const limiter = openRateLimiter(opened, world.clock, { waiting: progress.waiting, plan })
    limiter.expect('history', 0)
    const connection = { ...world, fetch: progress.fetch, log: progress.log }
    const results: MemberVerified[] = []
    try {
      for (const member of members) {
        const { whoopUserId } = member
        const tokens = createSession({ ...connection, database, keys, oauth, member })
        const whoop = createWhoop({ ...connection, baseUrl: config.WHOOP_API_BASE_URL, limiter, tokens })
        const types: MemberVerified['types'] = {}
        for (const resource of resources) {
          if ((type && !type.includes(resource.name)) || !member.scopes.includes(resource.scope)) continue
          const report = (page: PageCompared) => progress.report({ whoopUserId, type: resource.name, ...page })
          types[resource.name] = await verify({ database, whoop, member, resource, report }, since)
        }
        results.push({ whoopUserId, firstName: member.firstName, types })
      }
    } finally {
      progress.stop()
    }
    return results
  })
}

const SHOWN = 10 // of each sort; --json has them all

async function draw({ world }: Cli, { types, ...member }: MemberVerified): Promise<string> {
  const [{ table }, { nameOf }, { styleFor, widthOf }] = await Promise.all([
    import('../terminal/table.ts'),
    import('../terminal/safe.ts'),
    import('../terminal/style.ts'),
  ])
  const { stdout } = world.terminal
  const style = await styleFor(stdout, world.env)
  const head = ['', 'equal', 'missing', 'extra', 'different', 'unreadable', 'changing'].map((one) => style.dim(one))
  const rows = Object.entries(types).map(([type, one]) => [
    type,
    ...[one.equal, one.missing.length, one.extra.length, one.different.length, one.unreadable.length].map((count) =>
      number(count),
    ),
    number(one.changing.length),
  ])
  const details = Object.entries(types).flatMap(([type, one]) => differencesOf(type, one))
  const hint = adviceFor(Object.values(types)).map((advice) => `→ ${advice}`)
  const title = style.bold(nameOf(member))
  return [
    title,
    table([head, ...rows], { right: [1, 2, 3, 4, 5, 6], width: widthOf(stdout), titled: true }),
    ...details,
    ...hint,
  ].join('\n')
}

/** What mends each sort of difference. */
function adviceFor(types: readonly Verified[]): string[] {
  const different = types.flatMap((one) => one.different)
  const isOurs = ({ columns }: (typeof different)[number]) => !columns.includes('raw_data')
  const isBehind = types.some(({ missing, extra }) => missing.length + extra.length > 0)
  const advice = {
    'run: whoopster sync --full; it reads again what differs at WHOOP': isBehind || !different.every(isOurs),
    'run: whoopster reprocess; of what has only columns wrong, WHOOP need not be asked': different.some(isOurs),
    'report what cannot be read: it waits in quarantined_records for a version that can': types.some(
      ({ unreadable }) => unreadable.length > 0,
    ),
    'nothing to do for what is changing: the next sync stores it': types.some(({ changing }) => changing.length > 0),
  }
  return Object.entries(advice).flatMap(([text, applies]) => (applies ? [text] : []))
}

function differencesOf(type: string, { missing, extra, different, changing, unreadable }: Verified): string[] {
  const lines = [
    ...missing.map((key) => `${type} ${key} is missing`),
    ...extra.map((key) => `${type} ${key} is no longer at WHOOP`),
    ...different.map(({ key, columns }) => `${type} ${key} differs in ${columns.join(', ')}`),
    ...unreadable.map(({ key, reason }) => `${type} ${key} cannot be read: ${reason}`),
    ...changing.map(({ key, why }) => `${type} ${key} is ${why === 'open' ? 'not over or scored yet' : why}`),
  ]
  return lines.length > SHOWN
    ? [...lines.slice(0, SHOWN), `… and ${number(lines.length - SHOWN)} more (--json)`]
    : lines
}
