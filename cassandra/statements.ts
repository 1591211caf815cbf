/**
 * Splits CQL into its statements, without their semicolons. Comments go, and white space outside of strings becomes one blank, so that
 * two texts that say the same give the same statements. Knows --, // and block comments, '…', "…" and $$…$$.
 * Throws SyntaxError for a string or comment that doesn't end.
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

const whole = /^(?:--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$[\s\S]*?\$\$|\s+)/;
const opening = /^(?:\/\*|'|"|\$\$)/;

function nextToken(text: string): string {
  const match = whole.exec(text);
  if (match !== null) return match[0];
  const open = opening.exec(text);
  if (open !== null) throw new SyntaxError(`${open[0]} is opened and never closed: ${text.slice(0, 60)}`);
  return /^[^-/'"$;\s]+/.exec(text)?.[0] ?? text.charAt(0);
}

const isComment = (token: string) => /^(?:--|\/\/|\/\*)/.test(token);
