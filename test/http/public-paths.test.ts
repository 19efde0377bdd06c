import { parsePublicPaths } from '../../src/http/public-paths';

test.each([
  ['/livez', ['/livez']],
  ['/livez, /v1/openapi.json,/', ['/livez', '/v1/openapi.json', '/']],
  ['none', []],
  [' none ', []],
])('"%s" is read', (text, paths) => {
  expect(parsePublicPaths(text)).toEqual(paths);
});

test.each([
  [',', 1],
  ['livez', 1],
  ['/livez,none', 2],
  ['/livez?x', 1],
  ['/v1/*', 1],
])('"%s" is refused by its place, %i', (text, place) => {
  expect(() => parsePublicPaths(text)).toThrow(`entry ${place} is no path such as /livez`);
});
