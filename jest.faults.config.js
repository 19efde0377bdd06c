/** The scenes of the fault suite: `npm run test:faults [-- SCENE...]`, a scene by the name of its file. */
const { mkdtempSync } = require('node:fs');
const { join } = require('node:path');

// Read by the scenes, which add their rows, and by the reporter, which prints them.
process.env.FAULTS_TABLE ??= join(mkdtempSync('/tmp/delay-broker-faults-'), 'table.jsonl');

/** @type {import('jest').Config} */
module.exports = {
  ...require('./jest.config.js'),
  testMatch: ['**/*.faults.ts'],
  globalSetup: undefined,
  globalTeardown: undefined,
  maxWorkers: 1,
  reporters: ['default', '<rootDir>/test/faults/table.js', '<rootDir>/test/closing-line.js'],
};
