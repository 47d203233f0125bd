// Before each test file, as one process takes many of them.
import { secrets } from './secrets.ts'

secrets.clear() // what is secret in one may be a word of another
