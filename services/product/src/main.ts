import { runService } from '#platform/run-service.ts';
import { assembleProduct } from './app.ts';
import { productConfig } from './config.ts';

await runService('product', productConfig, assembleProduct);
