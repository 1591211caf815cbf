import { cassandraDashboard } from './cassandra.ts';
import { loadDashboard } from './load.ts';
import { machineDashboard } from './machine.ts';
import { nginxDashboard } from './nginx.ts';
import type { Dashboard } from './panels.ts';
import { prometheusDashboard } from './prometheus.ts';
import { cartDashboard, orderDashboard, productDashboard, userDashboard } from './services.ts';
import { storeDashboard } from './store.ts';

/** All dashboards; each becomes `dashboards/<uid>.json`, which Grafana reads. */
export const DASHBOARDS: readonly Dashboard[] = [
  storeDashboard,
  productDashboard,
  cartDashboard,
  orderDashboard,
  userDashboard,
  nginxDashboard,
  cassandraDashboard,
  machineDashboard,
  prometheusDashboard,
  loadDashboard,
];
