#!/usr/bin/env node
// TypeORM: its own column types vector and halfvec, and indexes that it creates.

import 'reflect-metadata';
import { SparseVector } from 'pgvector';
import pgvector from 'pgvector';
import typeorm from 'typeorm';
import { QUERY, connection, finish, is, nearest, rows, start, uses } from './lib/client.js';

const { Column, DataSource, Entity, Index, PrimaryGeneratedColumn } = typeorm;
const database = await start('typeorm');

// In TypeScript:
//	@Entity()
//	class Item {
//		@PrimaryGeneratedColumn()
//		id: number
//
//		@Index('item_embedding', { synchronize: false })
//		@Column({ type: 'vector', length: 8 })
//		embedding: number[]
//	}
// TypeORM knows no index type but PostgreSQL's own: with synchronize: false it neither creates nor drops that index.
class Item {}
Entity()(Item);
PrimaryGeneratedColumn()(Item.prototype, 'id');
Column({ type: 'vector', length: 8 })(Item.prototype, 'embedding');
Index('item_embedding', { synchronize: false })(Item.prototype, 'embedding');
Column({ type: 'halfvec', length: 8 })(Item.prototype, 'half_embedding');
Column({ type: 'bit', length: 8 })(Item.prototype, 'binary_embedding');
const { user: username, ...options } = connection(database);
const AppDataSource = new DataSource({ type: 'postgres', username, ...options, entities: [Item], synchronize: true });
await AppDataSource.initialize();		// which creates the extension and the table
await AppDataSource.query('CREATE INDEX item_embedding ON item USING hnsw (embedding vector_l2_ops)');

const itemRepository = AppDataSource.getRepository(Item);
const newItems = rows.map((row) => ({ embedding: row.embedding, half_embedding: row.embedding, binary_embedding: row.bits }));
await itemRepository.save(newItems[0]);
await itemRepository.insert(newItems.slice(1));

const search = (order, embedding) => itemRepository
	.createQueryBuilder('item')
	.orderBy(order)
	.setParameters({ embedding })
	.limit(5);
const items = await search('embedding <-> :embedding', pgvector.toSql(QUERY)).getMany();
nearest(items.map((item) => item.id), 'l2', '<->');
is(items[0].embedding, rows[items[0].id - 1].embedding, 'a row: vector');
is(items[0].half_embedding, rows[items[0].id - 1].embedding, 'halfvec');
await uses('item_embedding', ...search('embedding <-> :embedding', pgvector.toSql(QUERY)).getQueryAndParameters());

const ids = async (order, embedding = pgvector.toSql(QUERY)) => (await search(order, embedding).getMany()).map((item) => item.id);
nearest(await ids('embedding <=> :embedding'), 'cosine', '<=>');
nearest(await ids('half_embedding <-> :embedding'), 'l2', 'halfvec');
nearest(await ids('binary_embedding <~> :embedding', '10110010'), 'hamming', 'bit', { column: 'bits', query: '10110010' });

// What it would change now: nothing.  It does not drop and create the index each time.
const changes = await AppDataSource.driver.createSchemaBuilder().log();
is(changes.upQueries.map((query) => query.query), [], 'a second synchronize() changes nothing');

// A type that it does not know of is a column of strings, in a table of its own SQL.
await AppDataSource.query('CREATE TABLE sparse (id bigserial PRIMARY KEY, embedding sparsevec(8))');
await AppDataSource.query('INSERT INTO sparse (embedding) SELECT unnest($1::sparsevec[])', [rows.map((row) => new SparseVector(row.sparse).toPostgres())]);
nearest((await AppDataSource.query('SELECT id FROM sparse ORDER BY embedding <-> $1 LIMIT 5', [new SparseVector(QUERY).toPostgres()])).map((row) => row.id),
	'l2', 'sparsevec', { column: 'sparse' });

await AppDataSource.destroy();
await finish(1);
