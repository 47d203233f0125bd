import { X509Certificate, createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createScram, endPointOf } from '../../../src/db/connection/scram.ts'

describe('SCRAM-SHA-256', () => {
  // RFC 7677 §3, but for the user's name, which PostgreSQL has from elsewhere. Proofs are judged by real servers, in session.test.ts.
  const nonce = 'rOprNGfwEbeRWgbNEkqO'
  const challenge = `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`

  it('says nothing of binding without TLS, that the server has none with it, and what it is bound to', () => {
    expect(createScram('pencil', 'n', nonce).first).toBe(`n,,n=,r=${nonce}`)
    expect(createScram('pencil', 'y', nonce).first).toBe(`y,,n=,r=${nonce}`)
    const bound = createScram('pencil', Buffer.from('hash'), nonce)
    expect([bound.mechanism, bound.first]).toEqual(['SCRAM-SHA-256-PLUS', `p=tls-server-end-point,,n=,r=${nonce}`])
    const said = Buffer.from('p=tls-server-end-point,,hash').toString('base64')
    expect(bound.answer(challenge)).toMatch(new RegExp(`^c=${said.replaceAll('=', '\\=')},r=`))
  })

  it('believes no server that does not know the password', () => {
    const scram = createScram('pencil', 'n', nonce)
    expect(scram.isProven('v=')).toBe(false)
    scram.answer(challenge)
    expect(scram.isProven(`v=${Buffer.alloc(32).toString('base64')}`)).toBe(false)
    expect(scram.isProven('e=other-error')).toBe(false)
  })

  it('answers no challenge that is not for it', () => {
    expect(() => createScram('pencil', 'n', 'other').answer(challenge)).toThrow('another login')
  })
})

describe('the end point of a certificate', () => {
  it('is its hash, made as its signature was', () => {
    const { raw } = new X509Certificate(readFileSync(new URL('../../fixtures/tls/server.crt', import.meta.url)))
    expect(endPointOf(raw)).toEqual(createHash('sha256').update(raw).digest())
  })
})
