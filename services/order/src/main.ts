import { runService } from '#platform/run-service.ts';
import { assembleOrder } from './app.ts';
import { orderConfig } from './config.ts';

await runService('order', orderConfig, assembleOrder);
