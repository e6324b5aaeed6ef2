#!/usr/bin/env node
// Drizzle ORM, whose own types are used.

import { cosineDistance, desc, gt, hammingDistance, innerProduct, jaccardDistance, l1Distance, l2Distance, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { bit, halfvec, index, pgTable, serial, sparsevec, vector } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { SparseVector } from 'pgvector';
import { QUERY, connection, distance, finish, is, nearest, rows, start, uses } from './lib/client.js';

const database = await start('drizzle');
const pool = new pg.Pool(connection(database));
const db = drizzle({ client: pool });

await db.execute(sql`CREATE EXTENSION IF NOT EXISTS vector`);

const items = pgTable('items', {
	id: serial('id').primaryKey(),
	embedding: vector('embedding', { dimensions: 8 }),
	halfEmbedding: halfvec('half_embedding', { dimensions: 8 }),
	binaryEmbedding: bit('binary_embedding', { dimensions: 8 }),
	sparseEmbedding: sparsevec('sparse_embedding', { dimensions: 8 }),
}, (table) => [
	index('l2Index').using('hnsw', table.embedding.op('vector_l2_ops')),
	index('cosineIndex').using('hnsw', table.embedding.op('vector_cosine_ops')),
	index('halfIndex').using('hnsw', table.halfEmbedding.op('halfvec_l2_ops')),
	index('ipIndex').using('hnsw', table.embedding.op('vector_ip_ops')),
]);
// what drizzle-kit writes into a migration for this table
await db.execute(sql`CREATE TABLE "items" ("id" serial PRIMARY KEY NOT NULL, "embedding" vector(8), "half_embedding" halfvec(8),
	"binary_embedding" bit(8), "sparse_embedding" sparsevec(8))`);
await db.execute(sql`CREATE INDEX "l2Index" ON "items" USING hnsw ("embedding" vector_l2_ops)`);
await db.execute(sql`CREATE INDEX "cosineIndex" ON "items" USING hnsw ("embedding" vector_cosine_ops)`);
await db.execute(sql`CREATE INDEX "halfIndex" ON "items" USING hnsw ("half_embedding" halfvec_l2_ops)`);
await db.execute(sql`CREATE INDEX "ipIndex" ON "items" USING hnsw ("embedding" vector_ip_ops)`);

const newItems = rows.map((row) => ({
	embedding: row.embedding,
	halfEmbedding: row.embedding,
	binaryEmbedding: row.bits,
	sparseEmbedding: new SparseVector(row.sparse).toPostgres(),
}));
await db.insert(items).values(newItems[0]);
await db.insert(items).values(newItems.slice(1));

const allItems = await db.select()
	.from(items)
	.orderBy(l2Distance(items.embedding, QUERY))
	.limit(5);
nearest(allItems.map((item) => item.id), 'l2', 'l2Distance');
is(allItems[0].embedding, rows[allItems[0].id - 1].embedding, 'a row: vector');
is(allItems[0].halfEmbedding, rows[allItems[0].id - 1].embedding, 'halfvec');

const search = (order) => db.select().from(items).orderBy(order).limit(5);
const ids = async (order) => (await search(order)).map((item) => item.id);
nearest(await ids(cosineDistance(items.embedding, QUERY)), 'cosine', 'cosineDistance');
nearest(await ids(innerProduct(items.embedding, QUERY)), 'ip', 'innerProduct');
nearest(await ids(l1Distance(items.embedding, QUERY)), 'l1', 'l1Distance');
nearest(await ids(l2Distance(items.halfEmbedding, QUERY)), 'l2', 'halfvec');
nearest(await ids(l2Distance(items.sparseEmbedding, new SparseVector(QUERY).toPostgres())), 'l2', 'sparsevec', { column: 'sparse' });
nearest(await ids(hammingDistance(items.binaryEmbedding, '10110010')), 'hamming', 'hammingDistance', { column: 'bits', query: '10110010' });
nearest(await ids(jaccardDistance(items.binaryEmbedding, '10110010')), 'jaccard', 'jaccardDistance', { column: 'bits', query: '10110010' });
for (const [name, order] of [['l2Index', l2Distance(items.embedding, QUERY)], ['cosineIndex', cosineDistance(items.embedding, QUERY)],
	['ipIndex', innerProduct(items.embedding, QUERY)], ['halfIndex', l2Distance(items.halfEmbedding, QUERY)]]) {
	const query = search(order).toSQL();
	await uses(name, query.sql, query.params);
}

// Drizzle's guide to similarity search
const similarity = sql`1 - (${cosineDistance(items.embedding, QUERY)})`;
const guide = db.select({ id: items.id, similarity })
	.from(items)
	.where(gt(similarity, 0.5))
	.orderBy((t) => desc(t.similarity))
	.limit(4);
nearest((await guide).map((item) => item.id), 'cosine', 'the guide', { k: 4, among: rows.filter((row) => distance.cosine(row.embedding, QUERY) < 0.5) });
await uses('cosineIndex', guide.toSQL().sql, guide.toSQL().params, 'the guide');

await pool.end();
await finish(4);
