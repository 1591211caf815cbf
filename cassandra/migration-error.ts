/** What keeps a migration from being done, in a sentence for people. Nothing is half-recorded: the migration can be run again. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}
