// server.js -- a page that searches package descriptions by meaning, by words and by both, and shows the SQL.
//
//   PGHOST=... PGDATABASE=search PGUSER=... PORT=8080 node server.js
//
// The role needs SELECT on package and word, nothing else.  Whatever a visitor types is a parameter of a
// statement, never a part of one.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import pg from 'pg';

const pool = new pg.Pool({ max: 4, statement_timeout: 10000 });
// a connection that the server closed while nobody used it: the next search makes another
pool.on('error', (error) => console.error(error.message));
const LIMIT = 20;

class Invalid extends Error {}

// Conditions on the filter columns, which both indexes have: SQL and values from $`from` on.
function conditions(filters, from) {
	const sql = [], values = [];
	const add = (text, value) => {
		values.push(value);
		sql.push(text + '$' + (from + values.length - 1));
	};
	if (filters.section) add('section = ', filters.section);
	if (filters.size) add('size <= ', filters.size);
	return { sql, values };
}

const where = (...all) => (all.flat().length ? '\nWHERE ' + all.flat().join(' AND ') : '');
const COLUMNS = 'name, version, section, size, summary';

// What each kind of search runs: the statement and its values.
const searches = {
	meaning(words, vector, filters) {
		const c = conditions(filters, 2);
		return {
			sql: `SELECT ${COLUMNS}, embedding <=> $1 AS distance\nFROM package${where(c.sql)}\nORDER BY embedding <=> $1 LIMIT ${LIMIT}`,
			values: [vector, ...c.values],
		};
	},

	words(words, vector, filters) {
		const c = conditions(filters, 2);
		return {
			sql: `SELECT ${COLUMNS}, body <@> $1 AS distance\nFROM package${where('body @@@ $1', c.sql)}\nORDER BY body <@> $1 LIMIT ${LIMIT}`,
			values: [words, ...c.values],
		};
	},

	both(words, vector, filters) {
		const c = conditions(filters, 3);
		const half = (name, distance, ...conditions) =>
			`${name} AS (
    SELECT id, row_number() OVER () AS rank FROM (
        SELECT id FROM package${where(...conditions).replace('\n', '\n        ')}
        ORDER BY ${distance} LIMIT 100) s)`;
		return {
			sql: `WITH ${half('by_words', 'body <@> $1', 'body @@@ $1', c.sql)},
${half('by_meaning', 'embedding <=> $2', c.sql)}
SELECT ${COLUMNS}, rrf(w.rank, m.rank) AS score, w.rank AS word_rank, m.rank AS meaning_rank
FROM by_words w FULL JOIN by_meaning m USING (id) JOIN package USING (id)
ORDER BY score DESC LIMIT ${LIMIT}`,
			values: [words, vector, ...c.values],
		};
	},
};

// A query's embedding: the sum of those of its words.  NULL if no package has any of them twice.
const EMBEDDING = `SELECT sum(embedding)::text AS vector FROM word
WHERE word = ANY (tsvector_to_array(to_tsvector('english', $1)))`;

async function timed(client, sql, values) {
	const start = process.hrtime.bigint();
	const { rows } = await client.query(sql, values);
	return { rows, ms: Number(process.hrtime.bigint() - start) / 1e6 };
}

function wanted(parameters) {
	const words = (parameters.get('q') ?? '').trim();
	const mode = parameters.get('mode') || 'both';
	const size = parameters.get('size') ? Number(parameters.get('size')) : 0;
	if (!words) throw new Invalid('there is nothing to search for');
	if (words.length > 1000) throw new Invalid('a query has at most 1,000 characters');
	if (!Object.hasOwn(searches, mode)) throw new Invalid('mode is meaning, words or both');
	if (!Number.isInteger(size) || size < 0 || size > 2147483647) throw new Invalid('size is a whole number of kB');
	return { words, mode, filters: { section: parameters.get('section') || '', size } };
}

async function search(parameters) {
	const { words, mode, filters } = wanted(parameters);
	const client = await pool.connect();
	try {
		const embedded = mode === 'words' ? { rows: [{ vector: null }], ms: 0 } : await timed(client, EMBEDDING, [words]);
		const vector = embedded.rows[0].vector;
		if (mode === 'meaning' && vector === null) throw new Invalid('none of these words has an embedding');
		const used = vector === null && mode === 'both' ? 'words' : mode;
		const { sql, values } = searches[used](words, vector, filters);
		const { rows, ms } = await timed(client, sql, values);
		const plan = await client.query('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' + sql, values);
		return {
			mode: used,
			rows,
			ms,
			embedding_ms: embedded.ms,
			embedding_sql: used === 'words' ? null : EMBEDDING,
			sql,
			parameters: values.map((v) => (v === vector && vector !== null ? 'the embedding, 128 numbers' : v)),
			plan: plan.rows.map((row) => row['QUERY PLAN']).join('\n').replace(/'\[[^']*\]'::vector/g, "'[...]'::vector"),
		};
	} finally {
		client.release();
	}
}

const FILES = { '/': ['index.html', 'text/html'], '/page.js': ['page.js', 'text/javascript'], '/page.css': ['page.css', 'text/css'] };

async function answer(request) {
	const url = new URL(request.url, 'http://localhost');
	if (Object.hasOwn(FILES, url.pathname)) {
		const [name, type] = FILES[url.pathname];
		return [200, type, await readFile(new URL(name, import.meta.url))];
	}
	if (url.pathname === '/api/about') {
		const { rows } = await pool.query('SELECT section, count(*)::int AS packages FROM package GROUP BY section ORDER BY section');
		return [200, 'application/json', JSON.stringify({ sections: rows })];
	}
	if (url.pathname === '/api/search') {
		return [200, 'application/json', JSON.stringify(await search(url.searchParams))];
	}
	return [404, 'text/plain', 'not found\n'];
}

createServer(async (request, response) => {
	let reply;
	try {
		reply = await answer(request);
	} catch (error) {
		// of what the visitor may have caused: no text, or words that are no query (class 22 of SQLSTATE, 0A)
		const asked = error instanceof Invalid || /^(22|0A|42601)/.test(error.code ?? '');
		if (!asked) console.error(error);
		const shown = asked ? { error: error.message, hint: error.hint } : { error: 'the search failed; see the log of the server' };
		reply = [asked ? 400 : 500, 'application/json', JSON.stringify(shown)];
	}
	response.writeHead(reply[0], {
		'content-type': `${reply[1]}; charset=utf-8`,
		'content-security-policy': "default-src 'self'; img-src 'self' data:",
		'x-content-type-options': 'nosniff',
	});
	response.end(reply[2]);
}).listen(Number(process.env.PORT ?? 8080), process.env.ADDRESS ?? '127.0.0.1', function () {
	console.log(`http://${this.address().address}:${this.address().port}/`);
});
