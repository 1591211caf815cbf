import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { renderAlertmanager } from '../../../../monitoring/alertmanager/configuration.ts';
import { renderPrometheus } from '../../../../monitoring/prometheus/configuration.ts';
import { answersOk, launch, type ProcessPlan } from '../running.ts';
import { type InnerPorts, onLoopback, REPOSITORY } from '../settings.ts';
import type { Supervised } from '../supervisor.ts';
import { programOf } from '../tools.ts';
import type { StartContext } from './start-context.ts';

export interface Monitoring {
  readonly prometheusUrl: string;
  readonly alertmanagerUrl: string;
  readonly processes: readonly Supervised[];
}

export interface MonitoringSettings {
  /** Absolute; what Prometheus and Alertmanager remember is below. */
  readonly stateDir: string;
  /** Nginx's. */
  readonly accessLog: string;
  readonly ports: InnerPorts;
  /** False for a Cassandra that has no agent of ours. */
  readonly withCassandra: boolean;
}

/** One process beside the store. */
export type MonitoringProcess = Pick<ProcessPlan, 'name' | 'command' | 'args'> & {
  /** Answers 200 when it is ready. */
  readonly readyUrl: string;
};

const ROOM = path.join(REPOSITORY, 'monitoring');
/** Whichever is reached first. */
const KEPT = { time: '30d', size: '2GB' };
/** What dashboards and alerts ask about the machine; the exporter knows ten times as much. */
const COLLECTORS = ['cpu', 'diskstats', 'filesystem', 'loadavg', 'meminfo', 'uname', 'vmstat'];

/** Starts Prometheus, Alertmanager and the exporters. */
export async function startMonitoring(start: StartContext): Promise<Monitoring> {
  const { settings, ports, inData } = start;
  const plans = await prepareMonitoring({
    stateDir: inData('monitoring'),
    accessLog: inData('logs/access.log'),
    ports,
    withCassandra: settings.cassandra === undefined,
  });
  const processes = await start.step(
    'monitoring',
    ['Monitoring: starting', 'Prometheus and its exporters are ready'],
    () => start.allOrNothing(plans.map((plan) => startProcess(start, plan))),
  );
  return {
    prometheusUrl: `http://${onLoopback(ports.prometheus)}`,
    alertmanagerUrl: `http://${onLoopback(ports.alertmanager)}`,
    processes,
  };
}

function startProcess({ inData, keep }: StartContext, { readyUrl, ...plan }: MonitoringProcess): Promise<Supervised> {
  return keep('monitoring', plan.name, () =>
    launch({
      ...plan,
      env: { PATH: process.env.PATH ?? '' },
      folder: inData('run', plan.name),
      logFile: inData('logs', `${plan.name}.log`),
      isReady: () => answersOk(readyUrl),
      readyTimeoutMs: 30_000,
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 10_000,
    }),
  );
}

/** Writes the configuration of Prometheus and Alertmanager and gives the processes, to be started when the store runs. */
export async function prepareMonitoring(settings: MonitoringSettings): Promise<MonitoringProcess[]> {
  const { stateDir, accessLog, ports } = settings;
  await mkdir(stateDir, { recursive: true });
  const configFile = path.join(stateDir, 'prometheus.yml');
  await writeFile(configFile, nativeConfiguration(settings));
  const routesFile = path.join(stateDir, 'alertmanager.yml');
  await writeFile(routesFile, renderAlertmanager(`http://${onLoopback(ports.alertReceiver)}`));
  return [
    {
      name: 'prometheus',
      command: programOf('prometheus'),
      args: [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${path.join(stateDir, 'prometheus')}`,
        `--storage.tsdb.retention.time=${KEPT.time}`,
        `--storage.tsdb.retention.size=${KEPT.size}`,
        `--web.listen-address=${onLoopback(ports.prometheus)}`,
        // What k6 measures is sent, not scraped.
        '--web.enable-remote-write-receiver',
      ],
      readyUrl: `http://${onLoopback(ports.prometheus)}/-/ready`,
    },
    {
      name: 'alertmanager',
      command: programOf('alertmanager'),
      args: [
        `--config.file=${routesFile}`,
        `--storage.path=${path.join(stateDir, 'alertmanager')}`,
        `--web.listen-address=${onLoopback(ports.alertmanager)}`,
        // It is alone: no port for others of its kind.
        '--cluster.listen-address=',
      ],
      readyUrl: `http://${onLoopback(ports.alertmanager)}/-/ready`,
    },
    {
      name: 'node-exporter',
      command: programOf('node-exporter'),
      args: [
        '--collector.disable-defaults',
        ...COLLECTORS.map((name) => `--collector.${name}`),
        `--web.listen-address=${onLoopback(ports.nodeExporter)}`,
      ],
      readyUrl: `http://${onLoopback(ports.nodeExporter)}/`,
    },
    {
      name: 'nginx-exporter',
      command: programOf('nginx-exporter'),
      args: [
        `-nginx.scrape-uri=http://${onLoopback(ports.gatewayStatus)}/stub_status`,
        `-web.listen-address=${onLoopback(ports.nginxExporter)}`,
      ],
      readyUrl: `http://${onLoopback(ports.nginxExporter)}/`,
    },
    {
      name: 'mtail',
      command: programOf('mtail'),
      args: [
        '-logtostderr',
        `-progs=${path.join(ROOM, 'mtail')}`,
        `-logs=${accessLog}`,
        '-emit_prog_label=false',
        '-address=127.0.0.1',
        `-port=${ports.mtail}`,
      ],
      readyUrl: `http://${onLoopback(ports.mtail)}/metrics`,
    },
  ];
}

function nativeConfiguration({ ports, withCassandra }: MonitoringSettings): string {
  return renderPrometheus({
    rulesDir: path.join(ROOM, 'prometheus/rules'),
    targets: {
      product: ports.product.map(onLoopback),
      cart: ports.cart.map(onLoopback),
      order: ports.order.map(onLoopback),
      user: ports.user.map(onLoopback),
      nginx: [onLoopback(ports.nginxExporter)],
      'nginx-log': [onLoopback(ports.mtail)],
      cassandra: withCassandra ? [onLoopback(ports.cassandraMetrics)] : [],
      node: [onLoopback(ports.nodeExporter)],
      prometheus: [onLoopback(ports.prometheus)],
      alertmanager: [onLoopback(ports.alertmanager)],
    },
  });
}
