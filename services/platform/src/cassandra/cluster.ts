import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type ClientOptions, types } from 'cassandra-driver';

/** Where a cluster is, and how its nodes are authenticated. */
export interface Cluster {
  /**
   * `host:port` of one or more nodes. All nodes listen on the first one's port: nodes that aren't listed are discovered by address only.
   */
  readonly contactPoints: readonly string[];
  readonly localDataCenter: string;
  /**
   * PEM certificates of the authority that signed the nodes' certificates. If present, connections are encrypted, and made only to nodes
   * whose certificate is valid for their address or for the name of a contact point.
   */
  readonly tlsCa?: string | undefined;
}

/** The cluster's part of the driver's options. */
export function toClusterOptions({ contactPoints, localDataCenter, tlsCa }: Cluster) {
  const port = Number(/:(\d+)$/.exec(contactPoints[0] ?? '')?.[1] ?? 9042);
  const options = {
    contactPoints: [...contactPoints],
    localDataCenter,
    protocolOptions: { maxVersion: types.protocolVersion.v4, port },
  } satisfies ClientOptions;
  if (tlsCa === undefined) return options;
  const names = contactPoints.map((point) => point.replace(/:\d+$/, ''));
  const sslOptions = { ca: [tlsCa], rejectUnauthorized: true, checkServerIdentity: checkIsNode(names) };
  return { ...options, sslOptions };
}

/**
 * The driver resolves names itself and connects to addresses, so a certificate may be valid for the address or for any contact point's
 * name.
 */
function checkIsNode(names: readonly string[]) {
  return (address: string, certificate: PeerCertificate): Error | undefined => {
    const faults = [address, ...names].map((name) => checkServerIdentity(name, certificate));
    return faults.includes(undefined) ? undefined : faults[0];
  };
}
