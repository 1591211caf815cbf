/** The labels of a series, and its name as `__name__` if the expression keeps it. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface Line {
  readonly labels: Labels;
  /** Unix seconds and the value at that time. */
  readonly points: readonly (readonly [at: number, value: number])[];
}

export interface Rule {
  readonly kind: 'alerting' | 'recording';
  readonly name: string;
  readonly expression: string;
  /** The error of its last evaluation. */
  readonly lastError: string | undefined;
}

/** `from` and `to` in Unix seconds, `step` in seconds. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** Prometheus' HTTP API. A refused request throws an Error with Prometheus' message. */
export interface PrometheusClient {
  /** The current value of an expression. */
  query(expression: string): Promise<Sample[]>;
  queryRange(expression: string, range: Range): Promise<Line[]>;
  listRules(): Promise<Rule[]>;
  /** The series that match `selector` and had a sample within the last five minutes. */
  listSeries(selector: string): Promise<Labels[]>;
}

interface Vector {
  readonly resultType: 'vector' | 'scalar';
  readonly result: readonly { metric: Labels; value: [number, string] }[];
}

interface Matrix {
  readonly result: readonly { metric: Labels; values: readonly [number, string][] }[];
}

interface RuleGroups {
  readonly groups: readonly {
    readonly rules: readonly { type: Rule['kind']; name: string; query: string; lastError?: string }[];
  }[];
}

export function createPrometheusClient(baseUrl: string): PrometheusClient {
  async function ask<Data>(path: string, parameters: Record<string, string> = {}): Promise<Data> {
    const response = await fetch(`${baseUrl}/api/v1/${path}`, {
      ...(Object.keys(parameters).length > 0 && { method: 'POST', body: new URLSearchParams(parameters) }),
      signal: AbortSignal.timeout(30_000),
    });
    const answer = (await response.json()) as { status: string; error?: string; data: Data };
    if (answer.status !== 'success') throw new Error(`${answer.error} (${parameters.query ?? path})`);
    return answer.data;
  }

  return {
    async query(expression) {
      const { resultType, result } = await ask<Vector>('query', { query: expression });
      if (resultType !== 'vector') throw new Error(`${expression} gives a ${resultType}, not series.`);
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },

    async queryRange(expression, { from, to, step }) {
      const range = { start: String(from), end: String(to), step: String(step) };
      const { result } = await ask<Matrix>('query_range', { query: expression, ...range });
      return result.map(({ metric, values }) => ({
        labels: metric,
        points: values.map(([at, value]) => [at, Number(value)] as const),
      }));
    },

    async listRules() {
      const { groups } = await ask<RuleGroups>('rules');
      return groups.flatMap(({ rules }) =>
        rules.map(({ type, name, query, lastError }) => ({ kind: type, name, expression: query, lastError })),
      );
    },

    listSeries(selector) {
      const start = String(Math.floor(Date.now() / 1000) - 300);
      return ask<Labels[]>('series', { 'match[]': selector, start });
    },
  };
}
