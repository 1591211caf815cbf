import { setTimeout as sleep } from 'node:timers/promises';
import type { PrometheusClient } from '../../../../monitoring/prometheus/client.ts';
import { StartError } from '../start-error.ts';
import { readCarts } from './faults.ts';
import type { Notification } from './notifications.ts';
import type { Scenario, Scene } from './scenarios.ts';

/** What became of one alert: ms since its cause began; the last one since that ended. Undefined is never. */
export interface Episode {
  readonly alert: string;
  readonly cause: string;
  readonly pendingAfter: number | undefined;
  readonly firingAfter: number | undefined;
  /** Until somebody was told; nobody is of what is only information, or follows from what they know. */
  readonly toldAfter: number | undefined;
  readonly endedAfter: number | undefined;
  /** What is not as promised. */
  readonly faults: readonly string[];
}

export interface ReproductionParts {
  readonly scene: Scene;
  readonly prometheus: PrometheusClient;
  /** Everything that Alertmanager sends, as it comes. */
  readonly told: readonly (Notification & { readonly at: number })[];
  /** Aborting ends the cause at once. */
  readonly signal: AbortSignal;
  say(text: string): void;
}

type State = 'silent' | 'pending' | 'firing';
type States = ReadonlyMap<string, State>;
/** ms after which an alert was seen in a state for the first time. */
type Times = ReadonlyMap<string, Partial<Record<State, number>>>;

const LOOK_EVERY = 1000;
/** ms for alerts to fire, and to end again. */
const PATIENCE = 180_000;

/** Lets a scenario happen in a running store and watches its alerts in Prometheus. Nothing of it is left when this ends, however it does. */
export async function reproduce(scenario: Scenario, parts: ReproductionParts): Promise<Episode[]> {
  const { scene, prometheus, told, signal, say } = parts;
  const { alerts, cause, reads, toldWithin } = scenario;

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

  /** Looks until `isDone`, or patience ends. */
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
      if (isDone(states, times) || passed > PATIENCE) return times;
      last = states;
      await sleep(LOOK_EVERY, undefined, { signal });
    }
  }

  const isQuiet = (states: States) => alerts.every((alert) => states.get(alert) === 'silent');
  const findTold = (alert: string, since: number) =>
    told.find(({ at, status, labels }) => at >= since && status === 'firing' && labels.alertname === alert)?.at;

  const before = await watch(isQuiet);
  if (alerts.some((alert) => before.get(alert)?.silent === undefined)) {
    throw new StartError(`${alerts.join(' or ')} fires by itself: see to the store first (docs/pages/runbook.md).`);
  }
  const endReads = reads === undefined ? undefined : await readCarts(scene.shop, reads);
  try {
    const beganAt = Date.now();
    const end = await scenario.begin(scene);
    const rising = await watch((_, times) => {
      const isTold = toldWithin === undefined || findTold(`${alerts[0]}`, beganAt) !== undefined;
      return isTold && alerts.every((alert) => times.get(alert)?.firing !== undefined);
    }).finally(end);
    const falling = await watch(isQuiet);
    return alerts.map((alert, index) => {
      const { pending: pendingAfter, firing: firingAfter } = rising.get(alert) ?? {};
      const endedAfter = falling.get(alert)?.silent;
      const toldAt = findTold(alert, beganAt);
      const toldAfter = toldAt === undefined ? undefined : toldAt - beganAt;
      const isLate = index === 0 && toldWithin !== undefined && !(Number(toldAfter) <= toldWithin);
      const faults = [
        ...(firingAfter === undefined ? ['did not fire'] : []),
        ...(isLate ? [`nobody was told within ${toSeconds(toldWithin)}`] : []),
        ...(endedAfter === undefined ? ['did not end'] : []),
      ];
      return { alert, cause, pendingAfter, firingAfter, toldAfter, endedAfter, faults };
    });
  } finally {
    await endReads?.();
  }
}

export function toSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(0)} s`;
}
