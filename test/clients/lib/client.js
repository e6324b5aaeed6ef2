// client.js -- what the tests of Node clients share: a database of their own, rows, exact
// answers computed here, plans, the checker of indexes, and TAP.
//
// Each test uses its client as the client's own documentation shows.  PGHOST names the
// server's socket folder; the extension is installed there under the name `vector`.

import pg from 'pg';

export const DIM = 8;
export const ROWS = 300;
export const QUERY = [0.5, -0.25, 0.125, 0, -0.75, 1, 0.375, -0.5];

// Multiples of 1/8: exact as float32, float16 and in text.
let seed = 1;
function random(n) {
	seed = (seed * 48271) % 2147483647;
	return seed % n;
}

// Rows 1..ROWS: vector and halfvec `embedding`, `bits`, and `sparse` with half of its elements zero.
export const rows = Array.from({ length: ROWS }, (_, i) => ({
	id: i + 1,
	embedding: Array.from({ length: DIM }, () => (random(33) - 16) / 8),
	bits: Array.from({ length: DIM }, () => random(2)).join(''),
	sparse: Array.from({ length: DIM }, () => (random(2) ? (random(33) - 16) / 8 : 0)),
}));

const sum = (a, b, f) => a.reduce((s, x, i) => s + f(x, b[i]), 0);
const dot = (a, b) => sum(a, b, (x, y) => x * y);
export const distance = {
	l2: (a, b) => Math.sqrt(sum(a, b, (x, y) => (x - y) ** 2)),
	ip: (a, b) => -dot(a, b),
	cosine: (a, b) => 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)),
	l1: (a, b) => sum(a, b, (x, y) => Math.abs(x - y)),
	hamming: (a, b) => sum([...a], [...b], (x, y) => (x !== y ? 1 : 0)),
	jaccard: (a, b) => {
		const both = sum([...a], [...b], (x, y) => (x === '1' && y === '1' ? 1 : 0));
		const any = sum([...a], [...b], (x, y) => (x === '1' || y === '1' ? 1 : 0));
		return both === 0 ? 1 : 1 - both / any;
	},
};

// Settings of a connection to the server; `database` for libraries that want names of their own.
export const connection = (database) => ({
	host: process.env.PGHOST,
	port: Number(process.env.PGPORT ?? 5432),
	user: process.env.PGUSER ?? 'postgres',
	database,
});
export const url = (database) =>
	`postgresql://${connection().user}@localhost:${connection().port}/${database}?host=${encodeURIComponent(process.env.PGHOST)}`;

let tests = 0;
let failures = 0;
export function ok(good, name, ...details) {
	tests++;
	console.log(`${good ? 'ok' : 'not ok'} ${tests} - ${name}`);
	if (!good) {
		failures++;
		for (const detail of details)
			console.log(`# ${String(typeof detail === 'string' ? detail : JSON.stringify(detail)).replaceAll('\n', '\n# ')}`);
	}
	return good;
}

export function is(got, expected, name) {
	return ok(JSON.stringify(got) === JSON.stringify(expected), name, 'got', got, 'expected', expected);
}

// nearest -- are these ids of `k` nearest rows, in order?  Ties are judged by distance.
export function nearest(ids, metric, name, { column = 'embedding', query = QUERY, k = 5, among = rows } = {}) {
	const of = (row) => distance[metric](row[column], query);
	const exact = among.map(of).sort((a, b) => a - b).slice(0, k);
	const found = ids.map((id) => of(rows[Number(id) - 1]));
	return ok(found.length === exact.length && new Set(ids).size === ids.length
		&& found.every((d, i) => Math.abs(d - exact[i]) < 1e-5), name, 'found', { ids, found }, 'exact', exact);
}

let admin;
let name;
let watched;

// start -- a new database for the client; its plans use indexes, although the table is small.
export async function start(client) {
	name = `clients_${client}`;
	admin = new pg.Client(connection('postgres'));
	await admin.connect();
	await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
	await admin.query(`CREATE DATABASE ${name}`);
	await admin.query(`ALTER DATABASE ${name} SET enable_seqscan = off`);
	await admin.query(`ALTER DATABASE ${name} SET enable_sort = off`);
	await admin.query(`ALTER DATABASE ${name} SET client_min_messages = error`);
	return name;
}

// sql -- a query on a connection that the client knows nothing of.
export async function sql(text, values) {
	if (!watched) {
		watched = new pg.Client(connection(name));
		await watched.connect();
	}
	return (await watched.query(text, values)).rows;
}

// with_index -- [column, operator class] of which there is a class to index the column with.
export async function with_index(columns) {
	const classes = (await sql('SELECT DISTINCT opcname FROM pg_opclass')).map((row) => row.opcname);
	return columns.filter(([, name]) => classes.includes(name));
}

// uses -- does this query, as the client says it, use the index?
export async function uses(index, text, values, what = 'plan') {
	const plan = (await sql(`EXPLAIN (COSTS OFF) ${text}`, values)).map((row) => row['QUERY PLAN']).join('\n');
	return ok(plan.includes(`Index Scan using ${/[^a-z0-9_]/.test(index) ? `"${index}"` : index} `) && plan.includes('Order By:'),
		`${what} uses ${index}`, plan);
}

// finish -- there are that many indexes of ours, and each is sound.
export async function finish(indexes) {
	const found = await sql(`SELECT c.oid::regclass::text AS index FROM pg_class c JOIN pg_am a ON a.oid = c.relam
		WHERE c.relkind = 'i' AND amname IN ('omenhnsw', 'hnsw', 'ivfflat') ORDER BY 1`);
	ok(found.length === indexes, `${indexes} indexes of omenhnsw`, found);
	for (const { index } of found) {
		const [{ nodes }] = await sql('SELECT nodes FROM omendb_index_check($1::regclass, heapallindexed => true)', [index]);
		ok(Number(nodes) > 0, `${index} is checked`);
	}
	await watched.end();
	await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
	await admin.end();
	console.log(`1..${tests}`);
	process.exit(failures ? 1 : 0);
}
