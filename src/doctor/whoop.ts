import { readConfig } from '../config.ts'
import { about, MINUTE_MS } from '../time.ts'
import { reach } from '../whoop/reachability.ts'
import { attempt, type Find, type Dependencies } from './findings.ts'

/**
 * DNS, TLS, WHOOP and the clock: one request goes through all of them, and stops at the first that is broken. Tells
 * whether WHOOP may be asked more.
 */
export async function lookAtWhoop({ world, find }: Dependencies): Promise<boolean> {
  const config = attempt(() => readConfig(world.env, ['WHOOP_API_BASE_URL']))
  if (!config) return false
  const { protocol, hostname } = new URL(config.WHOOP_API_BASE_URL)
  const reached = await reach(config.WHOOP_API_BASE_URL, world, world.interrupted)
  if (reached.stage === 'dns') {
    find('DNS', 'problem', `${hostname} cannot be looked up: ${reached.why}`, NETWORK)
    return false
  }
  find('DNS', 'ok', `${hostname} is known`)
  if (reached.stage === 'tls') {
    find('TLS', 'problem', `no trust in who answers for ${hostname}: ${reached.why}`, CERTIFICATE)
    return false
  }
  if (reached.stage !== 'answered') {
    find('WHOOP', 'problem', `${hostname} cannot be reached: ${reached.why}`, NETWORK)
    return false
  }
  find('TLS', 'ok', protocol === 'https:' ? `the certificate of ${hostname} is good` : 'not used, as the address says')
  judgeClock(find, reached.aheadMs)
  if (reached.status >= 500) {
    find('WHOOP', 'problem', `answers ${reached.status}`, 'WHOOP has trouble: try it again later')
    return false
  }
  find('WHOOP', 'ok', `answers within ${reached.ms} ms`)
  return true
}

const NETWORK = 'check the network (and HTTPS_PROXY, if there is a proxy)'
const CERTIFICATE = 'does a proxy or a firewall answer in its place? NODE_EXTRA_CA_CERTS takes its certificate'
const MOST_SKEW_MS = MINUTE_MS

function judgeClock(find: Find, aheadMs: number | undefined): void {
  if (aheadMs === undefined) return find('clock', 'skipped', 'WHOOP did not say what time it is')
  const skew = Math.abs(aheadMs)
  if (skew <= MOST_SKEW_MS) return find('clock', 'ok', "agrees with WHOOP's")
  const message = `is ${about(skew)} ${aheadMs > 0 ? 'ahead of' : 'behind'} WHOOP's`
  find('clock', 'problem', message, 'set the clock of this machine, by NTP: tokens are renewed by it')
}
