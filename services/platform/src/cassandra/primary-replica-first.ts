import { type Client, type ExecutionOptions, type Host, type HostMap, policies, types } from 'cassandra-driver';

type OnPlan = (error: Error, plan: Iterator<Host>) => void;

/**
 * Sends all conditional writes on a partition to the same coordinator, its primary replica, which queues them; several coordinators would
 * contend in Paxos instead (CASSANDRA-15746). The driver's own policies shuffle the replicas.
 */
export class PrimaryReplicaFirstPolicy extends policies.loadBalancing.DCAwareRoundRobinPolicy {
  #client: Client | undefined;

  override init(client: Client, hosts: HostMap, callback: (error: Error) => void): void {
    this.#client = client;
    super.init(client, hosts, callback);
  }

  override newQueryPlan(keyspace: string, options: ExecutionOptions, callback: OnPlan): void {
    const routingKey = options?.getRoutingKey();
    const key = Array.isArray(routingKey) ? routingKey[0] : routingKey;
    const table = options?.getKeyspace() ?? keyspace;
    const replicas: Host[] = key ? (this.#client?.getReplicas(table, key) ?? []) : [];
    super.newQueryPlan(keyspace, options, (error, others) => {
      if (error) return callback(error, others);
      callback(error, this.#plan(replicas, others));
    });
  }

  *#plan(replicas: readonly Host[], others: Iterator<Host>): Generator<Host, void> {
    const first = replicas.filter((host) => host.isUp() && this.getDistance(host) === types.distance.local);
    yield* first;
    for (let next = others.next(); !next.done; next = others.next()) {
      if (!first.includes(next.value)) yield next.value;
    }
  }
}
