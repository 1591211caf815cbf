/** A comment, a string or white space that is whole. */
const TOKEN = /^(?:--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$[\s\S]*?\$\$|\s+)/;
/** What opens a comment or a string that isn't whole. */
const UNCLOSED = /^(?:\/\*|'|"|\$\$)/;

/**
 * Splits CQL into its statements, without their semicolons. Removes comments and turns white space outside of strings into one blank, so
 * that two texts that say the same give the same statements. Knows --, // and block comments, '…', "…" and $$…$$.
 * Throws SyntaxError for a string or comment that isn't closed.
 */
export function splitStatements(cql: string): string[] {
  const statements: string[] = [];
  let statement = '';
  const finish = () => {
    const text = statement.trim();
    if (text !== '') statements.push(text);
    statement = '';
  };
  let rest = cql;
  while (rest !== '') {
    const token = nextToken(rest);
    if (token === ';') finish();
    else if (isComment(token) || /^\s/.test(token)) statement += statement === '' || statement.endsWith(' ') ? '' : ' ';
    else statement += token;
    rest = rest.slice(token.length);
  }
  finish();
  return statements;
}

function nextToken(text: string): string {
  const [token] = TOKEN.exec(text) ?? [];
  if (token !== undefined) return token;
  const [opening] = UNCLOSED.exec(text) ?? [];
  if (opening !== undefined) throw new SyntaxError(`${opening} is never closed: ${text.slice(0, 60)}`);
  return /^[^-/'"$;\s]+/.exec(text)?.[0] ?? text.charAt(0);
}

function isComment(token: string): boolean {
  return /^(?:--|\/\/|\/\*)/.test(token);
}
