// Holds OpenAPI documents against the rules of good descriptions: lint.mjs FILE...
// Ends with 1 when anything is found, be it only a warning.

import { createConfig, formatProblems, getTotals, lint } from '@redocly/openapi-core';

const config = await createConfig({
  extends: ['recommended-strict'],
  rules: {
    'no-invalid-media-type-examples': { severity: 'error', allowAdditionalProperties: true },
    'no-invalid-parameter-examples': { severity: 'error', allowAdditionalProperties: false },
    'no-invalid-schema-examples': { severity: 'error', allowAdditionalProperties: false },
    // What stands as JSON in the text of a stream's messages is named by words alone.
    'no-unused-components': 'off',
    'operation-4xx-problem-details-rfc7807': 'error',
    'operation-description': 'off',
    'operation-operationId': 'error',
    'operation-tag-defined': 'error',
    'parameter-description': 'error',
    'response-contains-header': {
      severity: 'error',
      names: { '2xx': ['X-Request-Id'], '3xx': ['X-Request-Id'], '4xx': ['X-Request-Id'], '5xx': ['X-Request-Id'] },
    },
    'tag-description': 'error',
  },
});

let found = 0;
for (const ref of process.argv.slice(2)) {
  const problems = await lint({ ref, config });
  found += problems.length;
  const totals = getTotals(problems);
  formatProblems(problems, { format: 'stylish', maxProblems: 100, totals, version: '' });
}
process.exitCode = found > 0 ? 1 : 0;
