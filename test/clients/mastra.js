#!/usr/bin/env node
// Mastra's PgVector.

import { PgVector } from '@mastra/pg';
import { QUERY, distance, finish, is, nearest, ok, rows, start, url, uses } from './lib/client.js';

const database = await start('mastra');

const store = new PgVector({ connectionString: url(database) });
await store.createIndex({ indexName: 'items', dimension: 8 });		// an ivfflat index, by default
const ids = await store.upsert({
	indexName: 'items',
	vectors: rows.map((row) => row.embedding),
	metadata: rows.map((row) => ({ tenant: row.id % 3, number: row.id })),
	ids: rows.map((row) => String(row.id)),
});
is(ids.length, rows.length, 'upsert');
is(await store.describeIndex({ indexName: 'items' }), { dimension: 8, count: rows.length, metric: 'cosine', type: 'ivfflat', config: { lists: 100 } },
	'describeIndex: ivfflat');

const results = await store.query({ indexName: 'items', queryVector: QUERY, topK: 5, includeVector: true });
nearest(results.map((result) => result.id), 'cosine', 'query');
ok(results.every(({ id, score }) => Math.abs(1 - score - distance.cosine(rows[id - 1].embedding, QUERY)) < 1e-6), 'scores', results);
is(results[0].vector, rows[results[0].id - 1].embedding, 'a row');
const filtered = await store.query({ indexName: 'items', queryVector: QUERY, topK: 5, filter: { tenant: 1 }, minScore: 0.1 });
nearest(filtered.map((result) => result.id), 'cosine', 'with a filter',
	{ among: rows.filter((row) => row.id % 3 === 1 && distance.cosine(row.embedding, QUERY) < 0.9) });

// Another kind of index: the old one is dropped.  Its query sets hnsw.ef_search.
await store.buildIndex({ indexName: 'items', metric: 'cosine', indexConfig: { type: 'hnsw', hnsw: { m: 16, efConstruction: 64 } } });
is(await store.describeIndex({ indexName: 'items' }), { dimension: 8, count: rows.length, metric: 'cosine', type: 'hnsw', config: { m: 16, efConstruction: 64 } },
	'describeIndex: hnsw');
nearest((await store.query({ indexName: 'items', queryVector: QUERY, topK: 5 })).map((result) => result.id), 'cosine', 'query, hnsw');
await uses('items_vector_idx', `WITH vector_scores AS (SELECT vector_id as id, 1 - (embedding <=> '${JSON.stringify(QUERY)}'::vector) as score, metadata
	FROM "items") SELECT * FROM vector_scores WHERE score > $1 ORDER BY score DESC LIMIT $2`, [-1, 5], 'query()');

await store.updateVector({ indexName: 'items', id: '1', update: { vector: QUERY } });
is((await store.query({ indexName: 'items', queryVector: QUERY, topK: 1 }))[0].id, '1', 'updateVector');
await store.deleteVector({ indexName: 'items', id: '1' });
is((await store.query({ indexName: 'items', queryVector: QUERY, topK: 4 })).map((result) => result.id),
	results.filter((result) => result.id !== '1').slice(0, 4).map((result) => result.id), 'deleteVector');

await store.disconnect();
await finish(1);
