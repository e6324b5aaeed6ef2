#!/usr/bin/env node
// Knex with pgvector/knex.

import Knex from 'knex';
import { SparseVector } from 'pgvector';
import pgvector from 'pgvector/knex';
import { QUERY, connection, finish, is, nearest, rows, start, uses } from './lib/client.js';

const database = await start('knex');
const knex = Knex({ client: 'pg', connection: connection(database) });

await knex.schema.createExtensionIfNotExists('vector');
await knex.schema.createTable('items', (table) => {
	table.increments('id');
	table.vector('embedding', 8);
	table.halfvec('half_embedding', 8);
	table.specificType('binary_embedding', 'bit(8)');
	table.sparsevec('sparse_embedding', 8);
});

await knex('items').insert({
	embedding: pgvector.toSql(rows[0].embedding),
	half_embedding: pgvector.toSql(rows[0].embedding),
	binary_embedding: rows[0].bits,
	sparse_embedding: new SparseVector(rows[0].sparse).toPostgres(),
});
await knex.schema.alterTable('items', (table) => {
	table.index(knex.raw('embedding vector_l2_ops'), 'items_l2', 'hnsw');
	table.index(knex.raw('embedding vector_cosine_ops'), 'items_cosine', 'ivfflat');
});
// rows in batches, as knex.batchInsert() sends them
await knex.batchInsert('items', rows.slice(1).map((row) => ({
	embedding: pgvector.toSql(row.embedding),
	half_embedding: pgvector.toSql(row.embedding),
	binary_embedding: row.bits,
	sparse_embedding: new SparseVector(row.sparse).toPostgres(),
})), 100);

const items = await knex('items').orderBy(knex.l2Distance('embedding', QUERY)).limit(5);
nearest(items.map((item) => item.id), 'l2', 'l2Distance');
is(pgvector.fromSql(items[0].embedding), rows[items[0].id - 1].embedding, 'a row');

const search = (order) => knex('items').select('id').orderBy(order).limit(5);
nearest(await search(knex.cosineDistance('embedding', QUERY)).pluck('id'), 'cosine', 'cosineDistance');
nearest(await search(knex.maxInnerProduct('embedding', QUERY)).pluck('id'), 'ip', 'maxInnerProduct');
nearest(await search(knex.l1Distance('embedding', QUERY)).pluck('id'), 'l1', 'l1Distance');
nearest(await search(knex.l2Distance('half_embedding', QUERY)).pluck('id'), 'l2', 'halfvec');
nearest(await search(knex.l2Distance('sparse_embedding', new SparseVector(QUERY))).pluck('id'), 'l2', 'sparsevec', { column: 'sparse' });
nearest(await search(knex.hammingDistance('binary_embedding', '10110010')).pluck('id'), 'hamming', 'hammingDistance', { column: 'bits', query: '10110010' });
nearest(await search(knex.jaccardDistance('binary_embedding', '10110010')).pluck('id'), 'jaccard', 'jaccardDistance', { column: 'bits', query: '10110010' });

for (const [index, order] of [['items_l2', knex.l2Distance('embedding', QUERY)], ['items_cosine', knex.cosineDistance('embedding', QUERY)]]) {
	const { sql, bindings } = search(order).toSQL().toNative();
	await uses(index, sql, bindings);
}

await knex.transaction(async (transaction) => {
	await transaction.raw('SET LOCAL hnsw.ef_search = 100');
	nearest(await transaction('items').orderBy(knex.l2Distance('embedding', QUERY)).limit(5).pluck('id'), 'l2', 'in a transaction');
});

await knex.destroy();
await finish(2);
