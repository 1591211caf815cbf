import { runService } from '#platform/run-service.ts';
import { assembleCart } from './app.ts';
import { cartConfig } from './config.ts';

await runService('cart', cartConfig, assembleCart);
