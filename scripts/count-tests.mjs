/** Prints the closing line of `.ci/run`, `N passed, N failed`, from the report of vitest's JSON reporter. */
import { readFileSync } from "node:fs";

/** A file that could not even be loaded has no tests to fail: it counts as one failure. */
function count(report) {
  const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return { passed: report.numPassedTests, failed: report.numFailedTests + unloaded.length };
}

let counts = { passed: 0, failed: 1 };
try {
  counts = count(JSON.parse(readFileSync(process.argv[2], "utf8")));
} catch (error) {
  console.log(`no test report: ${error.message}`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
