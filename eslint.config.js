import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['dist/**', 'node_modules/**', '.tap/**'] }),
  {
    rules: {
      '@stylistic/comma-dangle': ['error', 'never'],
      '@stylistic/max-len': ['error', { code: 140, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }],
      // A schema and the type derived from it share one name; tsc refuses real redeclarations.
      '@typescript-eslint/no-redeclare': 'off',
      'no-void': ['error', { allowAsStatement: true }],
      'no-empty': ['error', { allowEmptyCatch: false }]
    }
  },
  {
    // Tables of cases read better in long lines and several properties to a line.
    files: ['test/**', 'bench/**'],
    rules: {
      '@stylistic/max-len': ['error', { code: 200, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }],
      '@stylistic/object-property-newline': 'off'
    }
  }
]
