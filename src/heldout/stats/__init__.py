"""Pure functions of arrays: scores, intervals, bootstrap over patients, paired tests, curves (docs/statistics.md)."""
