/** A Jest reporter whose last line counts what passed and what failed, for whoever reads only that. */
module.exports = class ClosingLine {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    // A file that could not be run has no tests to count and is a failure all the same.
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`);
  }
};
