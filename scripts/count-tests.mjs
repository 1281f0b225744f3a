/** Prints the closing line of `.ci/run`, `N passed, N failed`, from the reports of vitest's JSON reporter. */
import { readFileSync } from "node:fs";

/** A file that could not even be loaded has no tests to fail: it counts as one failure. */
function count(report) {
  const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return { passed: report.numPassedTests, failed: report.numFailedTests + unloaded.length };
}

let [passed, failed] = [0, 0];
for (const file of process.argv.slice(2)) {
  try {
    const counts = count(JSON.parse(readFileSync(file, "utf8")));
    passed += counts.passed;
    failed += counts.failed;
  } catch (error) {
    console.log(`no test report: ${error.message}`);
    failed++;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
