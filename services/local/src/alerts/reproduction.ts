import { setTimeout as sleep } from 'node:timers/promises';
import type { PrometheusClient } from '../../../../monitoring/prometheus/client.ts';
import { StartError } from '../start-error.ts';
import { readCarts } from './faults.ts';
import type { Notification } from './notifications.ts';
import type { Scenario, Scene } from './scenarios.ts';

/**
 * What happened to one alert. Times are ms since its cause began, that of the end since the cause was removed; undefined if it never
 * happened.
 */
export interface Episode {
  readonly alert: string;
  readonly cause: string;
  readonly pendingAfter: number | undefined;
  readonly firingAfter: number | undefined;
  /** There is no notification of mere information, or of a consequence of another alert. */
  readonly notifiedAfter: number | undefined;
  readonly endedAfter: number | undefined;
  /** Broken promises. */
  readonly faults: readonly string[];
}

export interface ReproductionParts {
  readonly scene: Scene;
  readonly prometheus: PrometheusClient;
  /** Everything that Alertmanager sends, as it arrives. */
  readonly notifications: readonly (Notification & { readonly at: number })[];
  /** Aborting ends the cause at once. */
  readonly signal: AbortSignal;
  say(text: string): void;
}

type State = 'silent' | 'pending' | 'firing';
type States = ReadonlyMap<string, State>;
/** ms until an alert was first seen in a state. */
type Times = ReadonlyMap<string, Partial<Record<State, number>>>;

const LOOK_EVERY_MS = 1000;
/** For alerts to fire, and again to end. */
const PATIENCE_MS = 180_000;

/** Makes a scenario happen in a running store and watches its alerts in Prometheus. Cleans up, however this ends. */
export async function reproduce(scenario: Scenario, parts: ReproductionParts): Promise<Episode[]> {
  const { scene, prometheus, notifications, signal, say } = parts;
  const { alerts, cause, reads, notifiedWithinMs } = scenario;

  async function look(): Promise<States> {
    const samples = await prometheus.query(`ALERTS{alertname=~"${alerts.join('|')}"}`);
    const statesOf = (alert: string) =>
      samples.filter(({ labels }) => labels.alertname === alert).map(({ labels }) => labels.alertstate);
    return new Map(
      alerts.map((alert) => {
        const states = statesOf(alert);
        return [alert, states.includes('firing') ? 'firing' : states.includes('pending') ? 'pending' : 'silent'];
      }),
    );
  }

  /** Until `isDone`, or PATIENCE_MS have passed. */
  async function watch(isDone: (states: States, times: Times) => boolean): Promise<Times> {
    const beganAt = Date.now();
    const times = new Map<string, Partial<Record<State, number>>>(alerts.map((alert) => [alert, {}]));
    let last: States = new Map();
    for (;;) {
      const states = await look();
      const passed = Date.now() - beganAt;
      for (const [alert, state] of states) {
        const mine = times.get(alert);
        if (mine) mine[state] ??= passed;
        if (last.size > 0 && last.get(alert) !== state) say(`${alert} is ${state} after ${toSeconds(passed)}.`);
      }
      if (isDone(states, times) || passed > PATIENCE_MS) return times;
      last = states;
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  }

  const isQuiet = (states: States) => alerts.every((alert) => states.get(alert) === 'silent');
  const findNotified = (alert: string, since: number) =>
    notifications.find(({ at, status, labels }) => at >= since && status === 'firing' && labels.alertname === alert)
      ?.at;

  const before = await watch(isQuiet);
  if (alerts.some((alert) => before.get(alert)?.silent === undefined)) {
    throw new StartError(`${alerts.join(' or ')} fires without it: fix the store first (docs/pages/runbook.md).`);
  }
  const endReads = reads === undefined ? undefined : await readCarts(scene.shop, reads);
  try {
    const beganAt = Date.now();
    const end = await scenario.begin(scene);
    const rising = await watch((_, times) => {
      const isNotified = notifiedWithinMs === undefined || findNotified(`${alerts[0]}`, beganAt) !== undefined;
      return isNotified && alerts.every((alert) => times.get(alert)?.firing !== undefined);
    }).finally(end);
    const falling = await watch(isQuiet);
    return alerts.map((alert, index) => {
      const { pending: pendingAfter, firing: firingAfter } = rising.get(alert) ?? {};
      const endedAfter = falling.get(alert)?.silent;
      const notifiedAt = findNotified(alert, beganAt);
      const notifiedAfter = notifiedAt === undefined ? undefined : notifiedAt - beganAt;
      const isLate = index === 0 && notifiedWithinMs !== undefined && !(Number(notifiedAfter) <= notifiedWithinMs);
      const faults = [
        ...(firingAfter === undefined ? ['did not fire'] : []),
        ...(isLate ? [`no notification within ${toSeconds(notifiedWithinMs)}`] : []),
        ...(endedAfter === undefined ? ['did not end'] : []),
      ];
      return { alert, cause, pendingAfter, firingAfter, notifiedAfter, endedAfter, faults };
    });
  } finally {
    await endReads?.();
  }
}

export function toSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(0)} s`;
}
