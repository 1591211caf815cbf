import { createRequire, registerHooks } from 'node:module';

/** Loaded before a service, to make it count nothing; the difference is the cost of metrics. */
const nothing = () => undefined;
const client = createRequire(import.meta.url)('prom-client');
client.collectDefaultMetrics = nothing;
client.Histogram.prototype.observe = nothing;
client.Counter.prototype.inc = nothing;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'express-prom-bundle'
      ? { url: 'data:text/javascript,export default () => (_request, _response, next) => next();', shortCircuit: true }
      : next(specifier, context),
});
