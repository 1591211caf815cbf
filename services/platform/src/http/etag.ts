import { hash } from 'node:crypto';

/** A tag for a body that has no version of its own: the same for the same content. */
export function tagOfContent(body: unknown): string {
  return `"${hash('sha256', JSON.stringify(body), 'base64url').slice(0, 22)}"`;
}
