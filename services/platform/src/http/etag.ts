import { hash } from 'node:crypto';

/** The ETag of a body without a version: the same for the same content. */
export function tagOfContent(body: unknown): string {
  return `"${hash('sha256', JSON.stringify(body), 'base64url').slice(0, 22)}"`;
}
