import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The receiver in `alertmanager.yml`, which is an example. */
export const EXAMPLE_WEBHOOK = 'http://127.0.0.1:9095';

/** Text of an alertmanager.yml that sends everything to `webhook`, at its paths `/page`, `/ticket` and `/dead-man`. */
export function renderAlertmanager(webhook: string): string {
  const text = readFileSync(path.join(import.meta.dirname, 'alertmanager.yml'), 'utf8');
  return text.replaceAll(EXAMPLE_WEBHOOK, webhook);
}
