// SPDX-License-Identifier: Apache-2.0
// pg-boss with a handler that does nothing: jobs are added first, then taken in batches of 1,000 by one process, four
// at a time, which is the fastest setting that we found. Prints jobs a second.
import { PgBoss } from 'pg-boss';
import pg from 'pg';

const count = Number(process.argv[2]);
const where = { host: process.env.PGHOST, user: process.env.PGUSER, database: 'postgres' };
const boss = new PgBoss({ ...where, max: 10 });
const admin = new pg.Client(where);

boss.on('error', (error) => { console.error(String(error)); });
await admin.connect();
await admin.query('drop schema if exists pgboss cascade');
await boss.start();
await boss.createQueue('noop');
for (let from = 0; from < count; from += 10000) {
  const n = Math.min(10000, count - from);
  await boss.insert('noop', Array.from({ length: n }, (_, k) => ({ data: { i: from + k } })));
}
await admin.query('vacuum analyze');
await admin.query('checkpoint');

let done = 0;
let finish;
const all = new Promise((resolve) => { finish = resolve; });
const start = process.hrtime.bigint();
await boss.work('noop', { batchSize: 1000, localConcurrency: 4, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
  async (jobs) => { done += jobs.length; if (done >= count) finish(); });
await all;
while ((await admin.query("select 1 from pgboss.job where state < 'completed' limit 1")).rowCount > 0)
  await new Promise((resolve) => { setTimeout(resolve, 5); });
console.log((count / (Number(process.hrtime.bigint() - start) / 1e9)).toFixed(1));
process.exit(0);
