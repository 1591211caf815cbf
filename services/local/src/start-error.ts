/** The store can't start; the message is a sentence for the person at the keyboard that says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
