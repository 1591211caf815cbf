import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

/**
 * Looks a name up, for a new connection, and begins with any of its addresses: the system's own order puts the address most like ours
 * first, so that one replica would get all. Node tries the others where nobody listens.
 */
export const lookupAnyFirst: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses = []) => {
    const start = Math.floor(Math.random() * addresses.length);
    const turned = [...addresses.slice(start), ...addresses.slice(0, start)];
    if (options.all) callback(error, turned);
    else callback(error, turned[0]?.address ?? '', turned[0]?.family);
  });
};
