#!/usr/bin/env node
// Objection.js with pgvector/objection.

import Knex from 'knex';
import { Model } from 'objection';
import { SparseVector } from 'pgvector';
import pgvector from 'pgvector/objection';
import { QUERY, connection, finish, is, nearest, rows, start, uses } from './lib/client.js';

const { cosineDistance, hammingDistance, jaccardDistance, l1Distance, l2Distance, maxInnerProduct } = pgvector;
const database = await start('objection');
const knex = Knex({ client: 'pg', connection: connection(database) });
Model.knex(knex);

class Item extends Model {
	static get tableName() {
		return 'items';
	}
}

await knex.schema.createExtensionIfNotExists('vector');
await knex.schema.createTable('items', (table) => {
	table.increments('id');
	table.vector('embedding', 8);
	table.halfvec('half_embedding', 8);
	table.specificType('binary_embedding', 'bit(8)');
	table.sparsevec('sparse_embedding', 8);
});
await knex.schema.alterTable('items', (table) => {
	table.index(knex.raw('embedding vector_l2_ops'), 'items_l2', 'hnsw');
});

const newItems = rows.map((row) => ({
	embedding: pgvector.toSql(row.embedding),
	half_embedding: pgvector.toSql(row.embedding),
	binary_embedding: row.bits,
	sparse_embedding: new SparseVector(row.sparse).toPostgres(),
}));
await Item.query().insert(newItems[0]);
await Item.query().insert(newItems.slice(1));

const items = await Item.query().orderBy(l2Distance('embedding', QUERY)).limit(5);
nearest(items.map((item) => item.id), 'l2', 'l2Distance');
is(pgvector.fromSql(items[0].embedding), rows[items[0].id - 1].embedding, 'a row');

const ids = async (order) => (await Item.query().orderBy(order).limit(5)).map((item) => item.id);
nearest(await ids(cosineDistance('embedding', QUERY)), 'cosine', 'cosineDistance');
nearest(await ids(maxInnerProduct('embedding', QUERY)), 'ip', 'maxInnerProduct');
nearest(await ids(l1Distance('embedding', QUERY)), 'l1', 'l1Distance');
nearest(await ids(l2Distance('half_embedding', QUERY)), 'l2', 'halfvec');
nearest(await ids(l2Distance('sparse_embedding', new SparseVector(QUERY))), 'l2', 'sparsevec', { column: 'sparse' });
nearest(await ids(hammingDistance('binary_embedding', '10110010')), 'hamming', 'hammingDistance', { column: 'bits', query: '10110010' });
nearest(await ids(jaccardDistance('binary_embedding', '10110010')), 'jaccard', 'jaccardDistance', { column: 'bits', query: '10110010' });

const { sql, bindings } = Item.query().orderBy(l2Distance('embedding', QUERY)).limit(5).toKnexQuery().toSQL().toNative();
await uses('items_l2', sql, bindings);

await knex.destroy();
await finish(1);
