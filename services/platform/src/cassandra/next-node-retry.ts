import { policies, type types } from 'cassandra-driver';

type Info = policies.retry.OperationInfo;
type Decision = policies.retry.DecisionInfo;

/**
 * Tries the next node, once, if the first one timed out: it may have waited for a replica that has died, which takes ten seconds or more to
 * be noticed. For idempotent statements.
 */
export class NextNodeRetryPolicy extends policies.retry.RetryPolicy {
  override onReadTimeout(info: Info, consistency: types.consistencies): Decision {
    return this.#nextNode(info, consistency);
  }

  override onWriteTimeout(info: Info, consistency: types.consistencies): Decision {
    return this.#nextNode(info, consistency);
  }

  #nextNode({ nbRetry }: Info, consistency: types.consistencies): Decision {
    return nbRetry === 0 ? this.retryResult(consistency, false) : this.rethrowResult();
  }
}
