// What starts the runs, with the paths of this machine. Never at minute 0: WHOOP's login server has been seen to lose
// answers then, and a lost answer is a lost login.

export const schedulers = ['cron', 'systemd', 'kubernetes'] as const
export type Scheduler = (typeof schedulers)[number]

/** Where and how a run is started. */
export interface Start {
  node: string
  script: string
  /** Where `.env` is. */
  directory: string
  /** What no `.env` can say. */
  environment: Readonly<Record<string, string>>
  image: string
}

const MINUTES = '7,22,37,52'

export const scheduleFor: Readonly<Record<Scheduler, (start: Start) => string>> = { cron, systemd, kubernetes }

/** Cron gives a line to sh, and ends it at a %. */
function cron({ node, script, directory, environment }: Start): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${forShell(value)} `)
  const program = `${forShell(node)} ${forShell(script)}`
  const command = `cd ${forShell(directory)} && ${variables.join('')}${program} sync --quiet --log-format text`
  return `${MINUTES} * * * * ${command.replaceAll('%', '\\%')}\n`
}

function forShell(text: string): string {
  return /^[\w./@%+:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

function systemd({ node, script, directory, environment }: Start): string {
  const variables = Object.entries(environment).map(([name, value]) => `Environment=${forUnit(`${name}=${value}`)}\n`)
  return `# ~/.config/systemd/user/whoopster.service
[Unit]
Description=Fetch what is new at WHOOP

[Service]
Type=oneshot
WorkingDirectory=${directory.replaceAll('%', '%%')}
${variables.join('')}ExecStart=${forUnit(node).replaceAll('$', '$$$$')} ${forUnit(script).replaceAll('$', '$$$$')} sync
StandardOutput=null
TimeoutStopSec=2min

# ~/.config/systemd/user/whoopster.timer
[Unit]
Description=Fetch what is new at WHOOP, every quarter of an hour

[Timer]
OnCalendar=*:${MINUTES}
Persistent=true

[Install]
WantedBy=timers.target
`
}

function forUnit(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')
  return /^[\w./=@%+:,-]+$/.test(text) ? escaped : `"${escaped}"`
}

/** As k8s/base has it, for who has not got that; all settings come from one Secret. */
function kubernetes({ image }: Start): string {
  return `apiVersion: batch/v1
kind: CronJob
metadata:
  name: whoopster-sync
spec:
  schedule: '${MINUTES} * * * *'
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 5
  jobTemplate:
    spec:
      activeDeadlineSeconds: 3600 # a first sync may take that long; the next run goes on where it was stopped
      ttlSecondsAfterFinished: 86400
      backoffLimit: 2
      podFailurePolicy:
        rules:
          # A retry of these changes nothing: a person has to act, or all but an unreadable record is done.
          - action: FailJob
            onExitCodes:
              operator: In
              values: [64, 65, 76, 77, 78]
          # A node that is drained is nobody's failure.
          - action: Ignore
            onPodConditions:
              - type: DisruptionTarget
                status: 'True'
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 120 # a token refresh that is under way must finish
          automountServiceAccountToken: false
          enableServiceLinks: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 1000
            runAsGroup: 1000
            seccompProfile:
              type: RuntimeDefault
          initContainers:
            - name: migrate
              image: &image ${image}
              args: [migrate]
              envFrom: &settings
                - secretRef:
                    name: whoopster
              resources: &resources
                requests:
                  cpu: 50m
                  memory: 128Mi
                limits:
                  memory: 384Mi
              securityContext: &locked
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
          containers:
            - name: sync
              image: *image
              args: [sync, --no-migrate]
              envFrom: *settings
              resources: *resources
              securityContext: *locked
`
}
