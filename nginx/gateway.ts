import { execFile } from 'node:child_process';
import { accessSync, constants, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';

const HOME = import.meta.dirname;

/** host:port of every replica. */
export type Replicas = Readonly<Record<ServiceName, readonly string[]>>;

/** Replicas that come and go, as containers do: each service is a name whose addresses are looked up every second. */
export interface NamedServers {
  /** Address of the DNS server. */
  readonly resolver: string;
  /** Where every service listens. The name `any_service` stands for all of them. */
  readonly port: number;
}

export interface GatewaySettings {
  /** Folder for pid file, cache and temporary files. */
  readonly stateDir: string;
  /**
   * Folder for the configuration and everything it includes, for an Nginx that sees nothing else of this machine; `temp` and `cache`, which
   * it needs in `stateDir`, must then exist. Without it, the configuration goes to `stateDir`, which is created if necessary.
   */
  readonly configDir?: string;
  /** Every line is written to each of them. */
  readonly accessLogs: readonly string[];
  readonly errorLog: string;
  /** host:port of the public server. */
  readonly listen: string;
  /** host:port of `/stub_status`; loopback. */
  readonly statusListen: string;
  readonly servers: Replicas | NamedServers;
  /** Built pages for `/docs/`; 404 if the folder is missing. */
  readonly docsDir?: string;
  /** False lifts the limits, for load tests. */
  readonly limits?: boolean;
  /** Origins whose pages may read answers, exactly as browsers send them: `https://shop.example`. */
  readonly corsOrigins?: readonly string[];
  /** Addresses and networks of proxies whose X-Forwarded-For is trusted to name the client; by default none is. */
  readonly trustedProxies?: readonly string[] | undefined;
  readonly workers?: number;
  /** Maximum size of the cache, in Nginx's notation: `256m`. */
  readonly cacheSize?: string;
  /** Nginx rate and burst: `200r/s` and 400 for the API, `100r/m` and 99 for sign-in, sign-up, refresh and password change. */
  readonly apiLimit?: { readonly rate: string; readonly burst: number };
  readonly authLimit?: { readonly rate: string; readonly burst: number };
}

/** Looks in the usual folders too; an ordinary user's PATH often lacks sbin. */
export function findNginx(): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(path.delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/opt/homebrew/bin',
  ];
  return folders.map((folder) => path.join(folder, 'nginx')).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Writes the configuration and returns the path of its main file. */
export function renderGateway(settings: GatewaySettings): string {
  const { stateDir, servers, limits = true, workers = 2, cacheSize = '256m' } = settings;
  const { apiLimit = { rate: '200r/s', burst: 400 }, authLimit = { rate: '100r/m', burst: 99 } } = settings;
  const { configDir = stateDir, corsOrigins = [], trustedProxies = [] } = settings;
  if (configDir === stateDir) {
    for (const folder of ['temp', 'cache']) mkdirSync(path.join(stateDir, folder), { recursive: true });
  } else {
    for (const name of readdirSync(HOME).filter((each) => each.endsWith('.conf')))
      copyFileSync(path.join(HOME, name), path.join(configDir, name));
  }

  const upstreamsFile = path.join(configDir, 'upstreams.conf');
  writeFileSync(upstreamsFile, 'resolver' in servers ? renderResolver(servers) : renderUpstreams(servers));
  const accessLogsFile = path.join(configDir, 'access-logs.conf');
  writeFileSync(accessLogsFile, settings.accessLogs.map(renderAccessLog).join(''));
  const corsOriginsFile = path.join(configDir, 'cors-origins.conf');
  writeFileSync(corsOriginsFile, renderCorsOrigins(corsOrigins));
  const trustedProxiesFile = path.join(configDir, 'trusted-proxies.conf');
  writeFileSync(trustedProxiesFile, renderTrustedProxies(trustedProxies));

  const values: Record<string, string> = {
    GATEWAY_HOME: configDir === stateDir ? HOME : configDir,
    GATEWAY_STATE: stateDir,
    GATEWAY_ACCESS_LOGS: accessLogsFile,
    GATEWAY_ERROR_LOG: settings.errorLog,
    GATEWAY_LISTEN: settings.listen,
    GATEWAY_STATUS_LISTEN: settings.statusListen,
    GATEWAY_UPSTREAMS: upstreamsFile,
    GATEWAY_CORS_ORIGINS: corsOriginsFile,
    GATEWAY_TRUSTED_PROXIES: trustedProxiesFile,
    GATEWAY_DOCS: settings.docsDir ?? path.join(stateDir, 'no-docs'),
    GATEWAY_LIMITS: limits ? 'on' : 'off',
    GATEWAY_WORKERS: String(workers),
    GATEWAY_CACHE_SIZE: cacheSize,
    GATEWAY_API_RATE: apiLimit.rate,
    GATEWAY_API_BURST: String(apiLimit.burst),
    GATEWAY_AUTH_RATE: authLimit.rate,
    GATEWAY_AUTH_BURST: String(authLimit.burst),
  };
  const template = readFileSync(path.join(HOME, 'nginx.conf.template'), 'utf8');
  const configFile = path.join(configDir, 'nginx.conf');
  writeFileSync(configFile, fillIn(template, values));
  return configFile;
}

function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nginx.conf.template uses ${name}, which has no value.`);
    assertPlain(name, value);
    return value;
  });
}

/** A name without an upstream block is resolved for each request, and all its addresses are tried; connections aren't reused then. */
function renderResolver({ resolver, port }: NamedServers): string {
  return `resolver ${resolver} valid=1s ipv6=off;\nresolver_timeout 1s;\nmap "" $service_port {\n  default ":${port}";\n}\n`;
}

/**
 * Nginx closes an idle connection after 55 s, before the service does after 75 s; otherwise a POST might meet a closed one. A replica that
 * has failed three times is avoided for 2 to 3 s, and after that until one request has succeeded; being its own backup, it is still tried
 * when all others refuse, as in a rolling restart.
 */
function renderUpstreams(servers: Replicas): string {
  const keepAlive = '  keepalive 64;\n  keepalive_timeout 55s;\n  keepalive_requests 100000;\n';
  const render = (name: string, addresses: readonly string[]) => {
    const first = addresses.map((address) => `  server ${address} max_fails=3 fail_timeout=2s;\n`);
    const last = addresses.length > 1 ? addresses.map((address) => `  server ${address} max_fails=0 backup;\n`) : [];
    return `upstream ${name} {\n  zone ${name} 64k;\n  least_conn;\n${[...first, ...last].join('')}${keepAlive}}\n`;
  };
  return [
    ...SERVICE_NAMES.map((name) => render(name, servers[name])),
    render(
      'any_service',
      SERVICE_NAMES.flatMap((name) => servers[name]),
    ),
    'map "" $service_port {\n  default "";\n}\n',
  ].join('\n');
}

function renderAccessLog(file: string): string {
  assertPlain('an access log', file);
  return `access_log "${file}" store buffer=64k flush=1s;\n`;
}

function assertPlain(name: string, value: string): void {
  if (/["$\\\n]/.test(value))
    throw new Error(`Nginx can't use ${name}=${value}: quotes, backslashes and $ have a meaning in its configuration.`);
}

/** An origin exactly as browsers send it: scheme, host, and the port unless it is the scheme's default. */
export function isOrigin(text: string): boolean {
  return /^https?:\/\/[a-z0-9.-]+(?::\d+)?$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Answers vary by origin as soon as one is allowed, and caches must know. Throws if an entry isn't an origin. */
function renderCorsOrigins(origins: readonly string[]): string {
  const wrong = origins.find((origin) => !isOrigin(origin));
  if (wrong !== undefined) throw new Error(`${wrong} isn't an origin such as https://shop.example.`);
  const lines = origins.map((origin) => `  "${origin}" "${origin}";\n`).join('');
  const vary = origins.length > 0 ? 'Origin' : '';
  return `map $http_origin $cors_origin {\n  default "";\n${lines}}\nmap "" $cors_vary {\n  default "${vary}";\n}\n`;
}

/** An address, or a network in CIDR notation; no host name, and no zone, which Nginx doesn't accept. */
export function isAddressOrNetwork(text: string): boolean {
  const [, address = '', prefix = '0'] = /^([^/%]+)(?:\/(\d+))?$/.exec(text) ?? [];
  return (isIPv4(address) && Number(prefix) <= 32) || (isIPv6(address) && Number(prefix) <= 128);
}

/**
 * The client is the last address in X-Forwarded-For that isn't a trusted proxy: it may have made up those before it. Throws on an invalid
 * entry.
 */
function renderTrustedProxies(proxies: readonly string[]): string {
  const wrong = proxies.find((proxy) => !isAddressOrNetwork(proxy));
  if (wrong !== undefined) throw new Error(`${wrong} is neither an address nor a network, such as 10.0.0.0/8.`);
  if (proxies.length === 0) return '';
  const lines = proxies.map((proxy) => `set_real_ip_from ${proxy};\n`).join('');
  return `${lines}real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n`;
}

/** Arguments to run `configFile` in the foreground. If the master runs as root, so do its workers, so that they can read its folders. */
export function gatewayArguments(configFile: string): string[] {
  const user = process.getuid?.() === 0 ? ' user root;' : '';
  return ['-c', configFile, '-e', 'stderr', '-g', `daemon off;${user}`];
}

/** Runs `nginx -t`; throws with Nginx's message. */
export async function checkGateway(configFile: string): Promise<void> {
  const nginx = findNginx();
  if (!nginx) throw new Error('Nginx is not installed (Debian: apt-get install -y nginx-light).');
  try {
    await promisify(execFile)(nginx, [...gatewayArguments(configFile), '-t', '-q']);
  } catch (cause) {
    throw new Error(`Nginx refuses ${configFile}:\n${(cause as { stderr?: string }).stderr ?? cause}`, { cause });
  }
}
