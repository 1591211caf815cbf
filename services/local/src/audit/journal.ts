import { appendFileSync, createReadStream, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { STATUSES } from '../../../order/src/orders/order.ts';
import type { Acknowledged } from './rules.ts';

const Entry = z.object({
  kind: z.literal('order'),
  key: z.string().min(1),
  userId: z.uuid(),
  orderId: z.uuid(),
  status: z.enum(STATUSES),
  total: z.int().min(0),
});

/** What clients were told, recorded line by line: an audit after a load or fault run compares the store with it. */
export interface Journal {
  /** Call it when the answer has arrived. When it returns, the system has the line: a killed client loses nothing. */
  order(told: Acknowledged): void;
}

/** Appends to `file`. */
export function createJournal(file: string): Journal {
  const descriptor = openSync(file, 'a');
  return {
    order({ key, userId, orderId, status, total }) {
      appendFileSync(descriptor, `${JSON.stringify({ kind: 'order', key, userId, orderId, status, total })}\n`);
    },
  };
}

/** The entries of a journal, in order. Throws an Error that names a malformed line; an incomplete last line is left out. */
export async function* readJournal(file: string): AsyncGenerator<Acknowledged> {
  let number = 0;
  let fault: Error | undefined;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (fault) throw fault;
    number += 1;
    if (line.trim() === '') continue;
    const entry = Entry.safeParse(parseJson(line));
    if (entry.success) yield entry.data;
    // Only the last line may be incomplete, after a kill.
    else fault = new Error(`Line ${number} of ${file} is no journal entry: ${z.prettifyError(entry.error)}`);
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
