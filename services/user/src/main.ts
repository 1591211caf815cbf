import { runService } from '#platform/run-service.ts';
import { assembleUser } from './app.ts';
import { userConfig } from './config.ts';

await runService('user', userConfig, assembleUser);
