#!/usr/bin/env node
// Kysely with pgvector/kysely.

import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { SparseVector } from 'pgvector';
import pgvector from 'pgvector/kysely';
import { QUERY, connection, distance, finish, is, nearest, rows, start, uses } from './lib/client.js';

const { cosineDistance, hammingDistance, jaccardDistance, l1Distance, l2Distance, maxInnerProduct } = pgvector;
const database = await start('kysely');
const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool(connection(database)) }) });

await sql`CREATE EXTENSION IF NOT EXISTS vector`.execute(db);
await db.schema.createTable('items')
	.addColumn('id', 'serial', (cb) => cb.primaryKey())
	.addColumn('embedding', sql`vector(8)`)
	.addColumn('half_embedding', sql`halfvec(8)`)
	.addColumn('binary_embedding', sql`bit(8)`)
	.addColumn('sparse_embedding', sql`sparsevec(8)`)
	.execute();
await db.schema.createIndex('items_l2')
	.on('items')
	.using('hnsw')
	.expression(sql`embedding vector_l2_ops`)
	.execute();

const newItems = rows.map((row) => ({
	embedding: pgvector.toSql(row.embedding),
	half_embedding: pgvector.toSql(row.embedding),
	binary_embedding: row.bits,
	sparse_embedding: new SparseVector(row.sparse).toPostgres(),
}));
await db.insertInto('items').values(newItems[0]).execute();
await db.insertInto('items').values(newItems.slice(1)).execute();

const items = await db.selectFrom('items')
	.selectAll()
	.orderBy(l2Distance('embedding', QUERY))
	.limit(5)
	.execute();
nearest(items.map((item) => item.id), 'l2', 'l2Distance');
is(pgvector.fromSql(items[0].embedding), rows[items[0].id - 1].embedding, 'a row');

const search = (order) => db.selectFrom('items').select('id').orderBy(order).limit(5);
const ids = async (order) => (await search(order).execute()).map((item) => item.id);
nearest(await ids(cosineDistance('embedding', QUERY)), 'cosine', 'cosineDistance');
nearest(await ids(maxInnerProduct('embedding', QUERY)), 'ip', 'maxInnerProduct');
nearest(await ids(l1Distance('embedding', QUERY)), 'l1', 'l1Distance');
nearest(await ids(l2Distance('half_embedding', QUERY)), 'l2', 'halfvec');
nearest(await ids(l2Distance('sparse_embedding', new SparseVector(QUERY))), 'l2', 'sparsevec', { column: 'sparse' });
nearest(await ids(hammingDistance('binary_embedding', '10110010')), 'hamming', 'hammingDistance', { column: 'bits', query: '10110010' });
nearest(await ids(jaccardDistance('binary_embedding', '10110010')), 'jaccard', 'jaccardDistance', { column: 'bits', query: '10110010' });

const query = search(l2Distance('embedding', QUERY)).compile();
await uses('items_l2', query.sql, query.parameters);

const near = await db.selectFrom('items')
	.selectAll()
	.where(l2Distance('embedding', QUERY), '<', 3)
	.execute();
is(near.map((item) => item.id).sort((a, b) => a - b), rows.filter((row) => distance.l2(row.embedding, QUERY) < 3).map((row) => row.id), 'within a distance');

await db.destroy();
await finish(1);
