import { policies, type types } from 'cassandra-driver';

type Info = policies.retry.OperationInfo;
type Decision = policies.retry.DecisionInfo;

/**
 * Asks the next node, once, for what the first could not get in time: it may have waited for a replica that died, which is known as dead
 * only after ten seconds and more. For statements that may be repeated.
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
