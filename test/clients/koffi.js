#!/usr/bin/env node
// examples/c_library from Node, by koffi: distances are the operators', codes order rows as their vectors do; errors.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { open } from '../../examples/c_library/omendb_vectors.js';
import { DIM, QUERY, ROWS, distance, finish, is, ok, rows, sql, start } from './lib/client.js';

await start('koffi');
const folder = mkdtempSync(join(tmpdir(), 'omendb_vectors.'));
try {
	// -O1: what takes time here is the compiler
	execFileSync('make', ['-s', '-C', new URL('../../examples/c_library', import.meta.url).pathname, `BUILD=${folder}`,
		'CFLAGS=-std=gnu11 -O1 -fPIC -fno-math-errno -fno-trapping-math -ffp-contract=off -fvisibility=hidden'], { stdio: 'inherit' });
	const omendb = open(koffi, join(folder, 'libomendb_vectors.so'));
	ok(omendb.instructions.length > 0, `instructions: ${omendb.instructions}`);

	await sql('CREATE EXTENSION omendb');
	await sql('CREATE TABLE items (id int, embedding vector)');
	await sql('INSERT INTO items SELECT * FROM unnest($1::int[], $2::vector[])', [rows.map((row) => row.id), rows.map((row) => JSON.stringify(row.embedding))]);
	const embeddings = Float32Array.from(rows.flatMap((row) => row.embedding));
	const query = Float32Array.from(QUERY);
	for (const [metric, operator, squared] of [['l2', '<->', true], ['ip', '<#>'], ['cosine', '<=>'], ['l1', '<+>']]) {
		const of_server = (await sql(`SELECT embedding ${operator} $1 AS d FROM items ORDER BY id`, [JSON.stringify(QUERY)])).map((row) => row.d);
		const found = omendb.distances(metric, query, embeddings, DIM);
		ok(found.length === ROWS && found.every((d, i) => Math.abs((squared ? Math.sqrt(d) : d) - of_server[i]) < 1e-5), `${metric}: distances are the operator's`, found, of_server);
	}
	const bits = Uint8Array.from(rows, (row) => parseInt(row.bits, 2));
	is([...omendb.distances('hamming', Uint8Array.of(0b10110010), bits, 1)], rows.map((row) => distance.hamming(row.bits, '10110010')), 'hamming');

	for (const [kind, options] of [['rabitq', { bits: 8, seed: 7 }], ['sq8', {}], ['none', {}]]) {
		const quantizer = omendb.train(kind, 'l2', embeddings, DIM, options);
		const codes = quantizer.encode(embeddings);
		const errors = new Float32Array(ROWS);
		const estimates = quantizer.distances(query, codes, errors);
		const exact = rows.map((row) => distance.l2(row.embedding, QUERY) ** 2);
		ok(estimates.every((d, i) => Math.abs(d - exact[i]) <= 5 * errors[i] + 1e-4), `${kind}: estimates within their errors`, estimates, exact);
		const near = quantizer.decode(codes).every((x, i) => Math.abs(x - embeddings[i]) < 0.1);
		ok(near, `${kind}: decoded vectors are near`);
		const again = omendb.load(quantizer.spec, DIM, quantizer.model);
		ok(Buffer.compare(again.encode(embeddings), codes) === 0, `${kind}: a loaded model gives the same codes`);
		again.free();
		quantizer.free();
	}

	const raises = (call, text) => {
		try {
			call();
			ok(false, `no error: ${text}`);
		} catch (error) {
			ok(error.message.includes(text), text, error.message);
		}
	};
	raises(() => omendb.train('rabitq', 'l2', embeddings, DIM, { bits: 3 }), 'invalid argument');
	raises(() => omendb.train('rabitq', 'l2', Float32Array.of(NaN, 1), 2, { bits: 4 }), 'NaN or infinite');
	raises(() => omendb.train('rabitq', 'edit', embeddings, DIM), '"edit" is none of');
	raises(() => omendb.distances('l2', query, embeddings.subarray(1), DIM), 'where rows of 8 are expected');
	raises(() => omendb.distances('l2', query.subarray(1), embeddings, DIM), 'Float32Array of 8 elements expected');
	const freed = omendb.train('none', 'l2', embeddings, DIM);
	freed.free();
	raises(() => freed.encode(embeddings), 'has been freed');
} finally {
	rmSync(folder, { recursive: true });
}
await finish(0);
