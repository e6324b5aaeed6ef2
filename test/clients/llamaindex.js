#!/usr/bin/env node
// LlamaIndex's PGVectorStore.

import { Settings } from '@llamaindex/core/global';
import { Document } from '@llamaindex/core/schema';
import { PGVectorStore } from '@llamaindex/postgres';
import { QUERY, connection, finish, is, nearest, ok, rows, sql, start, uses } from './lib/client.js';

Settings.embedModel = {};		// vectors are given: no model is asked for them
const database = await start('llamaindex');

// It creates the extension, a table and two btree indexes, none for vectors.
const store = new PGVectorStore({ clientConfig: connection(database), tableName: 'data', dimensions: 8 });
const uuid = (id) => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`;
await store.add(rows.slice(0, 1).map((row) => new Document({ id_: uuid(row.id), text: `text ${row.id}`, embedding: row.embedding, metadata: { tenant: row.id % 3 } })));
// Each query asks for one collection: a filter column.
const db = await store.client();
await db.query('CREATE INDEX data_embeddings ON public.data USING hnsw (embeddings vector_cosine_ops, collection)');
await store.add(rows.slice(1).map((row) => new Document({ id_: uuid(row.id), text: `text ${row.id}`, embedding: row.embedding, metadata: { tenant: row.id % 3 } })));

const ids = (result) => result.ids.map((id) => Number(id.slice(-12)));
const result = await store.query({ queryEmbedding: QUERY, similarityTopK: 5, mode: 'default' });
nearest(ids(result), 'cosine', 'query');
ok(result.similarities.every((s, i, all) => s <= 1 && (i === 0 || s <= all[i - 1])), 'similarities', result.similarities);
is(result.nodes[0].embedding, rows[ids(result)[0] - 1].embedding, 'a row');
const filtered = await store.query({ queryEmbedding: QUERY, similarityTopK: 5, mode: 'default', filters: { filters: [{ key: 'tenant', value: 1, operator: '==' }] } });
nearest(ids(filtered), 'cosine', 'query with a filter', { among: rows.filter((row) => row.id % 3 === 1) });
await store.delete(uuid(ids(result)[0]));
is(ids(await store.query({ queryEmbedding: QUERY, similarityTopK: 4, mode: 'default' })), ids(result).slice(1), 'after delete');

await sql('ANALYZE data');
// the statement that query() sends
await uses('data_embeddings', "SELECT v.*, embeddings <=> $1 s FROM public.data v WHERE collection = $2 ORDER BY s LIMIT 5", [JSON.stringify(QUERY), '']);
is((await sql('SELECT count(*)::int FROM data'))[0].count, rows.length - 1, 'rows');

await db.close();
await finish(1);
