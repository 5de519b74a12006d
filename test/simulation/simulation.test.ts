import { seedsSuite } from './seeds.suite.ts'

// Half a minute of one slow core, as its sister file, so that two cores share the 200 seeds;
// `npm run simulate -- --seeds N` runs more.
seedsSuite(1, 100)
