import express from 'express';
import { parseTrustedProxies } from '../../src/http/trusted-proxies';

test.each([
  ['1', 1],
  [' 2', 2],
  ['10.0.0.1', ['10.0.0.1']],
  ['loopback, 10.0.0.0/8,fd00::/8', ['loopback', '10.0.0.0/8', 'fd00::/8']],
])('"%s" is read, and express takes it', (text, proxies) => {
  expect(parseTrustedProxies(text)).toEqual(proxies);
  expect(() => express().set('trust proxy', proxies)).not.toThrow();
});

test.each([
  ['0', 'a number of proxies is 1 to 10'],
  ['11', 'a number of proxies is 1 to 10'],
  ['true', 'entry 1 is no address'],
  ['*', 'entry 1 is no address'],
  ['-1', 'entry 1 is no address'],
  ['10.0.0.1,proxy.internal', 'entry 2 is no address'],
  [',', 'entry 1 is no address'],
])('"%s" is refused', (text, says) => {
  expect(() => parseTrustedProxies(text)).toThrow(says);
});
