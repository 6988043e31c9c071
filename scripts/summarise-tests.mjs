// Prints the names of skipped tests and then, as the last line, how many passed and failed; exits with 1 unless all is well.
// Usage: summarise-tests.mjs REPORT FAILED_STEPS (vitest's JSON report, and how many other steps of the run have failed)
import { readFileSync } from 'node:fs'

const [reportPath = '', failedSteps = '0'] = process.argv.slice(2)

const readReport = () => {
  try {
    return JSON.parse(readFileSync(reportPath, 'utf8'))
  } catch {
    return undefined
  }
}

const report = readReport()
if (report === undefined) {
  console.log('The tests wrote no report: they did not run to their end.')
  console.log('0 passed, 1 failed')
  process.exit(1)
}

const files = report.testResults
const tests = files.flatMap((file) => file.assertionResults)
const count = (status) => tests.filter((test) => test.status === status).length
// A file that does not even load has failed, though it holds no failed test.
const brokenFiles = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)
for (const file of brokenFiles) console.log(`Did not run: ${file.name}`)
for (const test of tests) {
  if (test.status !== 'passed' && test.status !== 'failed') console.log(`Skipped: ${test.fullName}`)
}

const passed = count('passed')
const failed = count('failed') + brokenFiles.length
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 && report.success && failedSteps === '0' ? 0 : 1)
