import { worldSuite } from './world.suite.ts'

worldSuite('the in-process transport', () => undefined)
