import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { describeExit } from './processes.ts';
import type { StoreEvent } from './store/start-context.ts';

export interface Terminal {
  show(event: StoreEvent): void;
  /** Shows a line above what is in progress. */
  say(text: string): void;
  /** Ends the live display; `say` still works. */
  close(): void;
}

const STILL_AFTER_MS = 5000;

interface Step {
  readonly text: string;
  readonly beganAt: number;
  done?: number;
  total?: number;
  bar?: SingleBar;
}

/**
 * Shows progress: live bars and clocks on a terminal, otherwise plain lines (one every 5 s for a longer step). If the reader is gone,
 * output is lost and the process continues.
 */
export function createTerminal(output: NodeJS.WriteStream = process.stdout): Terminal {
  for (const stream of [output, process.stderr]) stream.on('error', () => undefined);
  const steps = new Map<string, Step>();
  const bars = output.isTTY
    ? new MultiBar(
        { stream: output, hideCursor: true, clearOnComplete: true, format: formatStep, fps: 5 },
        Presets.shades_classic,
      )
    : undefined;
  const clock = setInterval(tick, bars ? 200 : STILL_AFTER_MS);
  clock.unref();

  function formatStep(_options: unknown, _parameters: unknown, { step }: { step: Step }): string {
    const seconds = `${Math.round((Date.now() - step.beganAt) / 1000)} s`;
    return `  … ${describeProgress(step)} (${seconds})`;
  }

  function describeProgress({ text, done, total, beganAt }: Step): string {
    if (done === undefined || total === undefined) return text;
    const share = Math.min(1, done / Math.max(1, total));
    const rate = Math.round((done * 1000) / Math.max(1, Date.now() - beganAt));
    const blocks = Math.round(share * 30);
    const bar = `${'█'.repeat(blocks)}${'░'.repeat(30 - blocks)}`;
    return `${text} ${bar} ${Math.floor(share * 100)} % · ${done} of ${total} · ${rate}/s`;
  }

  function tick(): void {
    for (const step of steps.values()) {
      if (step.bar) step.bar.update({ step });
      else if (Date.now() - step.beganAt >= STILL_AFTER_MS - 500) say(formatStep(undefined, undefined, { step }));
    }
  }

  function say(text: string): void {
    if (bars && steps.size > 0) bars.log(`${text}\n`);
    else output.write(`${text}\n`);
  }

  function begin(name: string, text: string): void {
    const step: Step = { text, beganAt: Date.now() };
    const bar = bars?.create(1, 0, { step });
    if (bar) step.bar = bar;
    steps.set(name, step);
  }

  function finish(name: string, text: string): void {
    const step = steps.get(name);
    if (!step) return;
    const seconds = (Date.now() - step.beganAt) / 1000;
    say(`  ✓ ${text}${seconds >= 1 ? ` (${seconds.toFixed(1)} s)` : ''}`);
    if (step.bar) bars?.remove(step.bar);
    steps.delete(name);
  }

  return {
    say,
    show(event) {
      if (event.kind === 'began') begin(event.step, event.text);
      else if (event.kind === 'done') finish(event.step, event.text);
      else if (event.kind === 'advanced') {
        const step = steps.get(event.step);
        if (step) Object.assign(step, { done: event.done, total: event.total });
      } else say(`  ${describe(event)}`);
    },
    close() {
      clearInterval(clock);
      steps.clear();
      bars?.stop();
    },
  };
}

function describe(event: Exclude<StoreEvent, { kind: 'began' | 'done' | 'advanced' }>): string {
  if (event.kind === 'noted') return event.text;
  if (event.kind === 'back') return `${event.name} is back (after ${(event.afterMs / 1000).toFixed(1)} s).`;
  if (event.kind === 'failed') {
    return `${event.name} could not be restarted; next try in ${event.retryInMs / 1000} s. ${event.error.message}`;
  }
  const next = event.retryInMs === undefined ? '' : '; restarting it';
  return `! ${event.name} ended by itself (${describeExit(event.exit)})${next}.`;
}
