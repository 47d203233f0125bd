import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { schedulers, type Scheduler } from '../schedule.ts'
import { versionAndBuild } from '../version.ts'
import type { World } from '../world.ts'
import type { AddCommand, Cli } from './cli.ts'
import { readOneOf } from './read.ts'

export const addSchedule: AddCommand = (program, cli) => {
  program
    .command('schedule')
    .summary('print what starts a sync every quarter of an hour')
    .description(
      'Print what starts a sync every quarter of an hour, with the paths of this machine: the crontab line, the systemd ' +
        'units, or the CronJob. Run it in the directory of your .env; it changes nothing.',
    )
    .argument('<scheduler>', schedulers.join(', '), readOneOf(schedulers))
    .option('--image <name>', 'for kubernetes: where the cluster finds the image')
    .addHelpText(
      'after',
      '\nExamples:\n  $ (crontab -l; whoopster schedule cron) | crontab -\n  $ whoopster schedule systemd\n' +
        '  $ whoopster schedule kubernetes --image registry.home/whoopster:1 | kubectl apply -f -',
    )
    .action((scheduler, { image }) => show(cli, scheduler, image))
}

async function show({ world, log }: Cli, scheduler: Scheduler, image: string | undefined): Promise<void> {
  const { scheduleFor } = await import('../schedule.ts')
  const [version] = versionAndBuild.split(' ')
  const { directory, program } = world.machine
  const start = {
    ...program,
    directory,
    environment: await environmentOf(world),
    image: image ?? `registry.example.com/whoopster:${version}`,
  }
  world.terminal.stdout.write(scheduleFor[scheduler](start))
  if (scheduler === 'kubernetes') warnOfEmbedded({ world, log })
  else await warnOfMissing({ world, log })
  if (world.terminal.stderr.isTTY) log.info(`\n${nextSteps(directory)[scheduler]}`)
}

/** What a run needs before it reads `.env`, or what depends on a variable that a schedule has not got. */
async function environmentOf({ env }: World): Promise<Record<string, string>> {
  const { dataDirectory } = await import('../db/connection/directory.ts')
  const config = { DATABASE_URL: env['DATABASE_URL'], WHOOPSTER_DATA_DIR: undefined }
  const here = dataDirectory(config, { HOME: '/', ...env })
  const usual = env['HOME'] ? dataDirectory(config, { HOME: env['HOME'] }) : undefined
  const isElsewhere = !env['DATABASE_URL']?.trim() && here !== usual
  return {
    ...(isElsewhere && !env['WHOOPSTER_DATA_DIR']?.trim() ? { WHOOPSTER_DATA_DIR: here } : {}),
    ...(env['NODE_EXTRA_CA_CERTS'] ? { NODE_EXTRA_CA_CERTS: env['NODE_EXTRA_CA_CERTS'] } : {}),
  }
}

const ALSO = /^(PG[A-Z]+|(HTTPS?|NO)_PROXY)$/

/** A schedule starts runs without the environment of your shell. */
async function warnOfMissing({ world: { env, machine }, log }: Pick<Cli, 'world' | 'log'>): Promise<void> {
  const { settings } = await import('../config.ts')
  const path = join(machine.directory, '.env')
  const file = readDotenv(path)
  const matters = (name: string) => name in settings || ALSO.test(name)
  const only = Object.keys(env).filter((name) => matters(name) && env[name]?.trim() && !file[name]?.trim())
  if (only.length > 0) {
    const are = only.length === 1 ? 'is' : 'are'
    log.warn(`${only.toSorted().join(', ')} ${are} set in this shell only, which a schedule does not see`, {
      hint: `put ${only.length === 1 ? 'it' : 'them'} into ${path}`,
    })
  } else if (!file['WHOOP_CLIENT_ID']?.trim()) {
    log.warn(`there is no app's client id in ${path}`, {
      hint: 'go to the directory of your .env, or run: whoopster auth',
    })
  }
}

function readDotenv(path: string): Readonly<Record<string, string | undefined>> {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch {
    return {} // what is wrong with it has been said, or there is none
  }
}

function warnOfEmbedded({ world: { env }, log }: Pick<Cli, 'world' | 'log'>): void {
  if (env['DATABASE_URL']?.trim()) return
  log.warn('the embedded database is on this machine, and no pod can use it', {
    hint: 'use a PostgreSQL server: set DATABASE_URL and TOKEN_ENCRYPTION_KEY',
  })
}

const nextSteps = (directory: string): Readonly<Record<Scheduler, string>> => ({
  cron: 'Add that line with: crontab -e',
  systemd:
    'Put each part into the file that its first line names, then run:\n' +
    '  systemctl --user daemon-reload\n  systemctl --user enable --now whoopster.timer\n' +
    '  sudo loginctl enable-linger $USER',
  kubernetes:
    'Before it is applied, the settings go into a Secret:\n' +
    `  kubectl create secret generic whoopster --from-env-file=${join(directory, '.env')}`,
})
