import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type ClientOptions, types } from 'cassandra-driver';

/** Where a cluster is, and how its nodes are told from others. */
export interface Cluster {
  /** `host:port` of one node or more. All nodes listen on the port of the first: those that aren't named are found by address alone. */
  readonly contactPoints: readonly string[];
  readonly localDataCenter: string;
  /**
   * PEM certificates of the authority that signed the nodes' own. With it connections are encrypted, and made only to a node whose
   * certificate is for its address or for the name of a contact point.
   */
  readonly tlsCa?: string | undefined;
}

/** What a driver's client needs to know of the cluster. */
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

/** The driver resolves names by itself and connects to addresses: a certificate for a name is checked against those it may stand for. */
function checkIsNode(names: readonly string[]) {
  return (address: string, certificate: PeerCertificate): Error | undefined => {
    const faults = [address, ...names].map((name) => checkServerIdentity(name, certificate));
    return faults.includes(undefined) ? undefined : faults[0];
  };
}
