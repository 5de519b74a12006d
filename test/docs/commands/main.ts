import { readFileSync } from 'node:fs'
import { pagesWithCommands } from './pages.ts'
import { runPage } from './run-page.ts'

/**
 * Runs every command of the documents, or of those whose path holds an argument:
 *
 *     npm run test:docs               four minutes
 *     npm run test:docs -- guide
 */
const asked = process.argv.slice(2)
let failed = 0
for (const path of pagesWithCommands) {
  if (asked.length > 0 && !asked.some((each) => path.includes(each))) continue
  console.log(`\n# ${path}`)
  try {
    const page = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
    const { ran, notRun } = await runPage(page, (text) => {
      console.log(text)
    })
    console.log(`${path}: ${ran} commands did what they should, ${notRun} were not run`)
  } catch (error) {
    failed += 1
    console.log(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
process.exitCode = failed === 0 ? 0 : 1
