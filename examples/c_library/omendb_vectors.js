// omendb_vectors.js -- omendb's distances and quantizers on typed arrays, by Node's package koffi.
//
//     import koffi from 'koffi';
//     import { open } from './omendb_vectors.js';
//
//     const omendb = open(koffi, 'build/libomendb_vectors.so');
//     const far = omendb.distances('cosine', query, rows, dim);        // Float64Array
//
//     const quantizer = omendb.train('rabitq', 'l2', rows, dim, { bits: 4 });
//     const codes = quantizer.encode(rows);                            // Uint8Array
//     const estimates = quantizer.distances(query, codes);             // Float32Array
//     quantizer.free();
//
// rows is one Float32Array, row after row.  For distances it may be a Uint16Array of half
// precision, too, or a Uint8Array of bits, 8 in each of its `dim` bytes.  Arrays are not
// copied.  Shapes and units: omendb_vectors.h.

const METRICS = { l2: 1, ip: 2, cosine: 3, l1: 4, hamming: 5, jaccard: 6 };
const KINDS = { rabitq: 1, pq: 3, sq8: 4, none: 5 };

function count(array, size) {
	if (!Number.isInteger(size) || size < 1 || array.length % size !== 0)
		throw new RangeError(`an array of ${array.length} elements where rows of ${size} are expected`);
	return array.length / size;
}

function expect(array, type, length) {
	if (!(array instanceof type) || (length !== undefined && array.length !== length))
		throw new RangeError(`${type.name}${length === undefined ? '' : ` of ${length} elements`} expected`);
}

export function open(koffi, path) {
	const library = koffi.load(path);
	const call = (result, name, ...parameters) => library.func(name, result, parameters);
	const message = call('str', 'omv_message', 'int');
	const named = (names, name) => {
		if (!Object.hasOwn(names, name))
			throw new RangeError(`"${name}" is none of ${Object.keys(names).join(', ')}`);
		return names[name];
	};
	const check = (error) => {
		if (error !== 0)
			throw new Error(message(error));
	};
	const distance = new Map([[Float32Array, 'f32'], [Uint16Array, 'f16'], [Uint8Array, 'bits']].map(([type, name]) =>
		[type, call('int', `omv_distances_${name}`, 'int', 'void *', 'void *', 'int64_t', 'int', 'void *')]));
	// the struct omv_spec: five numbers, padding, a seed
	const spec_of = (kind, metric, dim, bits, subvectors, seed) => {
		const spec = new DataView(new ArrayBuffer(32));
		const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
		[kind, metric, dim, bits, subvectors].forEach((value, i) => spec.setInt32(4 * i, value, little));
		spec.setBigUint64(24, BigInt(seed), little);
		return new Uint8Array(spec.buffer);
	};
	const train = call('int', 'omv_train', 'void *', 'void *', 'int64_t', 'void *');
	const load = call('int', 'omv_load', 'void *', 'void *', 'int64_t', 'void *');
	const free = call('void', 'omv_free', 'uintptr_t');
	const code_bytes = call('int', 'omv_code_bytes', 'uintptr_t');
	const model_floats = call('int64_t', 'omv_model_floats', 'uintptr_t');
	const model = call('int', 'omv_model', 'uintptr_t', 'void *');
	const encode = call('int', 'omv_encode', 'uintptr_t', 'void *', 'int64_t', 'void *');
	const decode = call('int', 'omv_decode', 'uintptr_t', 'void *', 'int64_t', 'void *');
	const distances_codes = call('int', 'omv_distances_codes', 'uintptr_t', 'void *', 'void *', 'int64_t', 'void *', 'void *');

	if (call('int', 'omv_version')() !== 1)
		throw new Error(`${path} is of another version`);

	class Quantizer {
		#handle;

		constructor(spec, dim, function_of, array, size) {
			const handle = new BigUint64Array(1);

			check(function_of(spec, array, size, handle));
			this.#handle = handle[0];
			this.spec = spec;
			this.dim = dim;
			this.code_bytes = code_bytes(this.#handle);
		}

		get #open() {
			if (this.#handle === 0n)
				throw new Error('the quantizer has been freed');
			return this.#handle;
		}

		get model() {
			const out = new Float32Array(Number(model_floats(this.#open)));

			check(model(this.#open, out));
			return out;
		}

		encode(rows) {
			expect(rows, Float32Array);
			const n = count(rows, this.dim);
			const codes = new Uint8Array(n * this.code_bytes);

			check(encode(this.#open, rows, n, codes));
			return codes;
		}

		decode(codes) {
			expect(codes, Uint8Array);
			const n = count(codes, this.code_bytes);
			const rows = new Float32Array(n * this.dim);

			check(decode(this.#open, codes, n, rows));
			return rows;
		}

		// errors, if given: a Float32Array that gets the standard errors
		distances(query, codes, errors = null) {
			expect(query, Float32Array, this.dim);
			expect(codes, Uint8Array);
			const n = count(codes, this.code_bytes);
			const out = new Float32Array(n);

			if (errors !== null)
				expect(errors, Float32Array, n);
			check(distances_codes(this.#open, query, codes, n, out, errors));
			return out;
		}

		free() {
			free(this.#handle);
			this.#handle = 0n;
		}
	}

	return {
		instructions: call('str', 'omv_instructions')(),
		distances(metric, query, rows, dim) {
			const n = count(rows, dim);
			const out = new Float64Array(n);

			if (!distance.has(rows.constructor))
				throw new RangeError('Float32Array, Uint16Array or Uint8Array expected');
			expect(query, rows.constructor, dim);
			check(distance.get(rows.constructor)(named(METRICS, metric), query, rows, n, dim, out));
			return out;
		},
		train(kind, metric, rows, dim, { bits = 0, subvectors = 0, seed = 0 } = {}) {
			expect(rows, Float32Array);
			return new Quantizer(spec_of(named(KINDS, kind), named(METRICS, metric), dim, bits, subvectors, seed), dim, train, rows, count(rows, dim));
		},
		// The quantizer whose spec, dimensions and model these are.
		load(spec, dim, values) {
			expect(values, Float32Array);
			return new Quantizer(spec, dim, load, values, values.length);
		},
	};
}
