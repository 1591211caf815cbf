import { runService } from '#platform/service.ts';
import { assembleOrder } from './app.ts';
import { orderConfig } from './config.ts';

await runService('order', orderConfig, assembleOrder);
