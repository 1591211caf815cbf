import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The example receiver in `alertmanager.yml`. */
export const EXAMPLE_WEBHOOK = 'http://127.0.0.1:9095';

/** The text of an alertmanager.yml that sends everything to `webhook`, at `/page`, `/ticket` and `/dead-man`. */
export function renderAlertmanager(webhook: string): string {
  const text = readFileSync(path.join(import.meta.dirname, 'alertmanager.yml'), 'utf8');
  return text.replaceAll(EXAMPLE_WEBHOOK, webhook);
}
