#!/usr/bin/env node
// Sequelize with pgvector/sequelize.

import { DataTypes, Sequelize } from 'sequelize';
import { SparseVector } from 'pgvector';
import pgvector from 'pgvector/sequelize';
import { QUERY, connection, finish, is, nearest, rows, start, uses } from './lib/client.js';

const { cosineDistance, hammingDistance, jaccardDistance, l1Distance, l2Distance, maxInnerProduct } = pgvector;
const database = await start('sequelize');
const statements = [];
const { user, host, port } = connection(database);
const options = { dialect: 'postgres', host, port, logging: (text) => statements.push(text) };

// Sequelize asks for types when it connects first: the extension must be there.
const setup = new Sequelize(database, user, '', options);
await setup.query('CREATE EXTENSION IF NOT EXISTS vector');
await setup.close();
pgvector.registerTypes(Sequelize);
const sequelize = new Sequelize(database, user, '', options);

const Item = sequelize.define('Item', {
	embedding: { type: DataTypes.VECTOR(8) },
	half_embedding: { type: DataTypes.HALFVEC(8) },
	binary_embedding: { type: 'BIT(8)' },
	sparse_embedding: { type: DataTypes.SPARSEVEC(8) },
}, {
	modelName: 'Item',
	tableName: 'items',
	timestamps: false,
	indexes: [
		{ name: 'items_l2', fields: [{ name: 'embedding', operator: 'vector_l2_ops' }], using: 'hnsw' },
		{ name: 'items_cosine', fields: ['embedding'], using: 'ivfflat', operator: 'vector_cosine_ops' },
	],
});
await Item.sync({ force: true });

const values = (row) => ({
	embedding: row.embedding,
	half_embedding: row.embedding,
	binary_embedding: row.bits,
	sparse_embedding: new SparseVector(row.sparse),
});
await Item.create(values(rows[0]));
await Item.bulkCreate(rows.slice(1).map(values));

const items = await Item.findAll({
	order: l2Distance('embedding', QUERY, sequelize),
	limit: 5,
});
await uses('items_l2', statements.at(-1).replace(/^Executing \(.*?\): /, ''));
nearest(items.map((item) => item.id), 'l2', 'l2Distance');
is(items[0].embedding, rows[items[0].id - 1].embedding, 'a row: vector');
is(items[0].half_embedding, rows[items[0].id - 1].embedding, 'halfvec');
is(items[0].sparse_embedding.toArray(), rows[items[0].id - 1].sparse, 'sparsevec');

const ids = async (order) => (await Item.findAll({ order, limit: 5 })).map((item) => item.id);
nearest(await ids(cosineDistance('embedding', QUERY, sequelize)), 'cosine', 'cosineDistance');
await uses('items_cosine', statements.at(-1).replace(/^Executing \(.*?\): /, ''));
nearest(await ids(maxInnerProduct('embedding', QUERY, sequelize)), 'ip', 'maxInnerProduct');
nearest(await ids(l1Distance('embedding', QUERY, sequelize)), 'l1', 'l1Distance');
nearest(await ids(l2Distance('half_embedding', QUERY, sequelize)), 'l2', 'halfvec');
nearest(await ids(l2Distance('sparse_embedding', new SparseVector(QUERY), sequelize)), 'l2', 'sparsevec', { column: 'sparse' });
nearest(await ids(hammingDistance('binary_embedding', '10110010', sequelize)), 'hamming', 'hammingDistance', { column: 'bits', query: '10110010' });
nearest(await ids(jaccardDistance('binary_embedding', '10110010', sequelize)), 'jaccard', 'jaccardDistance', { column: 'bits', query: '10110010' });

// a second sync() looks at what there is and leaves it as it is
await Item.sync({ alter: true });

await sequelize.close();
await finish(2);
